export { awake, type Clock, type Logger, silentLogger, systemClock } from './async.js'
export { bytesToHex, concatBytes, equalBytes, hexToBytes } from './bytes.js'
export { isL2Error, L2Error, type L2ErrorOptions, type Recovery, redactUrls, withoutRequest } from './errors.js'
export { stringify } from './json.js'
