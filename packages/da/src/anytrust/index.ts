export { type AnyTrustDeps, type AnyTrustOptions, createAnyTrustDa } from './anytrust.js'
export { type AnyTrustCertificate, formatAnyTrustCertificate, parseAnyTrustCertificate } from './certificate.js'
export { type AnyTrustKeyset, parseAnyTrustKeyset } from './keyset.js'
