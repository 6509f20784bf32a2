// What the types of an entry want beside the package.

/** Entries whose types are Node's: a node and an operator are programs on a machine. Every other one must do without them. */
export const isNodeOnly = entry => /^@l2\/(node|operator)/.test(entry)
