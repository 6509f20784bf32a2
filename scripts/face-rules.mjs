// What names of the public faces promise, held by `pnpm api` and `pnpm check`: a time says its unit and has its type, and one name has one
// meaning over all packages.
import ts from 'typescript'

/**
 * Names that break a rule of time for a reason: `Type.property` of a package.
 */
const excepted = new Map([
  ['@l2/contracts LiquidVaultLimits.requestMarginSeconds', 'as viem takes a small uint of an ABI'],
  ['@l2/staking MetisSequencer.deactivationTime', 'as the contract of Metis names it'],
  ['@l2/staking MetisSequencer.unlockClaimTime', 'as the contract of Metis names it'],
  ['@l2/staking MetisEvent.deactivationTime', 'as the contract of Metis names it'],
  ['@l2/staking MetisEvent.unlockClaimTime', 'as the contract of Metis names it'],
  ['@l2/staking MetisPoolState.exitDelayPeriod', 'as the contract of Metis names it'],
  ['@l2/staking MetisPoolSummary.exitDelayPeriod', 'as the contract of Metis names it'],
  ['@l2/settlement AnvilL1.seconds', 'of a test, and as viem and anvil take it'],
  ['@l2/gossip GossipLimits.burstSeconds', 'how much of a rate may come at once: a factor, no time of the protocol'],
])

/** Names that two packages have for one thing: the question is the same, and each has its own state to answer it from. */
const shared = new Set(['leaderAt'])

/** Rules of names for numbers and bigints: which type a name asks for, or that it says too little. */
const timeRules = [
  { name: /Seconds$|^seconds$/, type: 'bigint', because: 'protocol time is bigint seconds' },
  { name: /^timestamp$|Timestamp$/, type: 'bigint', because: 'a timestamp is bigint seconds' },
  { name: /Ms$|^ms$/, type: 'number', because: 'waiting is number milliseconds' },
  {
    name: /^(at|now|until|since)$|[a-z](At|Until|Since)$/,
    type: 'none',
    because: 'a moment says its unit (Seconds, Ms), a place in a chain what it counts (Block, Height)',
  },
  {
    name: /(^|[a-z])([Tt]ime|[Dd]elay|[Pp]eriod|[Dd]uration|[Ii]nterval|[Tt]imeout|[Ll]ifetime|[Tt]tl|[Dd]eadline)$/,
    type: 'none',
    because: 'a span of time says its unit',
  },
]

const alias = (checker, symbol) => (symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol)

/** What is wrong with the names of the public faces, one line each. */
export function brokenRules({ checker, printer, program, entries }) {
  const problems = new Set()
  /** By name: the packages that export it, and what it is there. */
  const meanings = new Map()
  for (const { folder, name: entry, file } of entries) {
    const library = entry.split('/').slice(0, 2).join('/')
    for (const exported of checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(file)))) {
      const declarations = alias(checker, exported).declarations ?? []
      const own = declarations.filter(({ parent }) => parent.getSourceFile().fileName.startsWith(`${folder}/dist/`))
      if (own.length === 0) continue
      const text = own.map(node => printer.printNode(ts.EmitHint.Unspecified, node, node.getSourceFile())).join('\n')
      if (!meanings.has(exported.name)) meanings.set(exported.name, new Map())
      meanings.get(exported.name).set(text, [...(meanings.get(exported.name).get(text) ?? []), library])
      for (const declaration of own) for (const line of brokenTimes(checker, declaration, library)) problems.add(line)
    }
  }
  for (const [name, texts] of meanings) {
    const libraries = [...texts.values()].map(list => [...new Set(list)])
    // Two overloads or an entry of its own within one package are its own matter.
    const differs = new Set(libraries.flat()).size > 1 && texts.size > 1 && !shared.has(name)
    if (differs)
      problems.add(`${name} means one thing in ${libraries.map(list => list.join(', ')).join(', another in ')}`)
  }
  return [...problems].sort()
}

/** What a type is a number as: itself, or the items of its list, or the values of its map. */
const numberIn = type =>
  /^(?:readonly )?(number|bigint)(?:\[\])?$|Map<.*, (number|bigint)>$/.exec(type)?.slice(1).find(Boolean)

function brokenTimes(checker, declaration, library) {
  const lines = []
  const owner = declaration.name?.getText() ?? ''
  const visit = node => {
    const isNamed =
      (ts.isPropertySignature(node) || ts.isPropertyDeclaration(node) || ts.isParameter(node)) && node.type
    if (isNamed && ts.isIdentifier(node.name)) {
      const type = numberIn(checker.typeToString(checker.getNonNullableType(checker.getTypeFromTypeNode(node.type))))
      if (type !== undefined) {
        const name = node.name.text
        const rule = timeRules.find(rule => rule.name.test(name))
        const where = `${library} ${owner}.${name}`
        if (rule !== undefined && rule.type !== type && !excepted.has(where)) {
          lines.push(`${where} is a ${type}: ${rule.because}`)
        }
      }
    }
    ts.forEachChild(node, visit)
  }
  visit(declaration)
  return lines
}
