export { createEigenDa, type EigenDaDeps, type EigenDaOptions } from './eigenda.js'
