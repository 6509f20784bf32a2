// Preloaded by native-parts.test.ts: optional parts resolve to where L2_PARTS says, or, with null, to nowhere.
const Module = require('node:module')

const { L2_PARTS } = process.env
const parts = JSON.parse(L2_PARTS)
const resolve = Module._resolveFilename
Module._resolveFilename = function (request, ...rest) {
  // What is tried instead when a name is not found, such as its index.js, is not to be found either.
  const part = Object.keys(parts).find(name => request === name || (parts[name] === null && request.startsWith(name)))
  if (part === undefined) return resolve.call(this, request, ...rest)
  if (parts[part] !== null) return parts[part]
  throw Object.assign(new Error(`Cannot find module '${request}'\nRequire stack:\n- ${__filename}`), {
    code: 'MODULE_NOT_FOUND',
  })
}
