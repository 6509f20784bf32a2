/** What is open, and is closed when the node ends, the last one first. */
export type Parts = {
  own<Part extends { close(): Promise<void> | void }>(part: Part): Part
  close(): Promise<void>
}

/** An empty list of what is open. A part that cannot be closed keeps none of the others from it: the first failure is thrown at the end. */
export function createParts(): Parts {
  const open: { close(): Promise<void> | void }[] = []
  return {
    own(part) {
      open.push(part)
      return part
    },
    async close() {
      let failure: unknown
      for (let part = open.pop(); part !== undefined; part = open.pop()) {
        try {
          await part.close()
        } catch (error) {
          failure ??= error
        }
      }
      if (failure !== undefined) throw failure
    },
  }
}
