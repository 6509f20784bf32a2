import { zeroAddress } from 'viem'
import { accounts } from '../test/anvil.js'
import { deployCommittee, operators, schemes } from '../test/committee.js'
import { startL1 } from '../test/rollup.js'

const sizes = [4, 16, 40, 64]
const figure = (gas: bigint | number) => gas.toLocaleString('en-US')

/** What committees of some sizes cost, each with equal stakes and the fewest signatures that are enough. */
export async function committees(): Promise<string> {
  const rows: string[] = []
  const l1 = await startL1()
  try {
    for (const count of sizes) {
      for (const scheme of schemes) {
        const powers = Array.from({ length: count }, () => 10n ** 18n)
        const [first, second] = [operators(scheme, powers), operators(scheme, powers, 1 + count)]
        const at = await deployCommittee(l1, scheme, first)
        const signers = Math.floor((2 * count) / 3) + 1
        const order = { lastAttested: 20n, poster: accounts[1].address }
        await l1.send(at.committee, 'attest', await at.attestBy(first, await at.statement()))
        const args = await at.attestBy(first, await at.statement({ sequence: 2n, first: 11n, last: 20n }))
        const attest = await l1.send(at.committee, 'attest', args)
        await l1.send(
          at.committee,
          'turn',
          await at.turnBy(first, at.turnOf({ ...order, poster: accounts[2].address })),
        )
        const turn = await l1.send(at.committee, 'turn', await at.turnBy(first, at.turnOf({ ...order, sequence: 2n })))
        const nextMembers = scheme.attestation.membersHash(second.members)
        const handOver = at.turnOf({ ...order, sequence: 3n, poster: zeroAddress, nextMembers })
        const handed = await l1.send(at.committee, 'turn', await at.turnBy(first, handOver, second))
        const { input } = await l1.client.getTransaction({ hash: attest.transactionHash })
        const figures = [attest.gasUsed, (input.length - 2) / 2, turn.gasUsed, handed.gasUsed].map(figure)
        rows.push(`| \`${scheme.name}\` | ${count} | ${signers} | ${figures.join(' | ')} |`)
      }
    }
  } finally {
    await l1.close()
  }
  return [
    '| contract | members | sign | `attest` | its calldata, bytes | `turn`: poster | `turn`: handover |',
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...rows,
  ].join('\n')
}
