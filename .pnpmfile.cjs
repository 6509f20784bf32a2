// What is published leads to what was built: the condition `@l2/source` is for this repository only.
const published = value =>
  typeof value === 'object' && value !== null
    ? Object.fromEntries(
        Object.entries(value)
          .filter(([condition]) => condition !== '@l2/source')
          .map(([key, inner]) => [key, published(inner)]),
      )
    : value

module.exports = {
  hooks: {
    beforePacking: manifest => ({ ...manifest, exports: published(manifest.exports) }),
  },
}
