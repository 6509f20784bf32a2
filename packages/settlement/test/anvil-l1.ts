export { type AnvilL1, accounts, startL1 } from '../src/testing/dev-l1.js'
