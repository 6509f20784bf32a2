export { lacks, loadNative, type NativePart, type NativePartOptions } from './native.js'
