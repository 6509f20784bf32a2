import { defaultHistoryText, engineKinds, expectedInclusionBlocks, l1BlockMs, NodeError, parseHistory } from '@l2/node'
import { defaultSplit, type SplitBps } from '@l2/sequencer-core/economics'
import { Command, InvalidArgumentError } from 'commander'
import { z } from 'zod'
import { blockTimeSeconds } from './chain/parameters.js'

/** `30`, `30s`, `5m`, `2h` as milliseconds. */
function duration(text: string): number {
  const match = /^(\d+)(ms|s|m|h)?$/.exec(text)
  if (match === null) throw new InvalidArgumentError('expected a duration like 60s, 5m or 2h')
  const unit = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[match[2] ?? 's'] ?? 1000
  return Number(match[1]) * unit
}

function whole(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('expected a whole number')
  return Number(text)
}

/** `sequencer=5000,treasury=5000` as shares. */
function shares(text: string): SplitBps {
  const pairs = text.split(',').map(pair => pair.split('='))
  return Object.fromEntries(
    pairs.map(([party = '', bps = '']) => [party.trim(), /^\d{1,5}$/.test(bps) ? Number(bps) : -1]),
  )
}

const parties = ['sequencer', 'stakers', 'lst', 'treasury', 'publicGoods', 'burn', 'users'] as const
const splitSchema = z
  .partialRecord(z.enum(parties), z.number().int().min(0).max(10_000))
  .refine(split => Object.values(split).reduce((sum, bps) => sum + bps, 0) === 10_000, {
    error: `expected basis points that add up to 10000, for any of ${parties.join(', ')}`,
  })

/** `ethereum` is blobs or calldata, whichever is planned for a channel. */
const daLayers = ['ethereum-blobs', 'ethereum-calldata', 'ethereum', 'memory', 'celestia', 's3', 'router'] as const

const schema = z
  .strictObject({
    /** An L1's JSON-RPC; without it the node runs its own anvil. */
    l1: z.url({ protocol: /^https?$/ }).optional(),
    /** The beacon REST of that L1, where blobs are read; by default the same address. */
    beacon: z.url({ protocol: /^https?$/ }).optional(),
    /** L1 blocks that must stand on one before blocks are built upon it; by default 4, and none on the built-in L1. */
    l1Confirmations: z.number().int().min(0).max(1000).optional(),
    da: z.enum(daLayers).default('ethereum-blobs'),
    /** A celestia-node's JSON-RPC; without it the node runs one of its own, in memory. Its token comes from CELESTIA_TOKEN. */
    celestia: z.url({ protocol: /^https?$/ }).optional(),
    /**
     * A bucket, and a folder in it, of an S3 server: `http://127.0.0.1:7070/bucket/folder`. Its keys come from AWS_ACCESS_KEY_ID and
     * AWS_SECRET_ACCESS_KEY, its region from AWS_REGION.
     */
    s3: z.url({ protocol: /^https?$/ }).optional(),
    /** How long a transaction may wait at most until its batch is on L1, milliseconds; by default five blocks of the built-in L1, or ten minutes. */
    latencyMs: z.number().int().positive().optional(),
    /** How long the router lets its first layer stall before the next one gets the submission, milliseconds. */
    stallMs: z.number().int().positive().default(10_000),
    /** Confirmations and pace of transactions on an L1 of yours. */
    l1Timing: z
      .strictObject({ confirmations: z.number().int().positive(), pollMs: z.number().int().positive() })
      .default({ confirmations: 2, pollMs: 2000 }),
    /** Where the chain lives; without it a temporary directory that goes with the process. */
    data: z.string().min(1).optional(),
    host: z.string().default('127.0.0.1'),
    port: z.number().int().min(0).max(65_535).default(9545),
    /** The operator's port; without it there is none. */
    adminPort: z.number().int().min(0).max(65_535).optional(),
    adminHost: z.string().default('127.0.0.1'),
    /** The file of the operator's token; by default in the data directory. */
    adminToken: z.string().min(1).optional(),
    chainId: z.number().int().min(1).max(4_294_967_295).default(59_900),
    /** What executes; by default op-engine where it was built or installed, else anvil. */
    engine: z.enum(engineKinds).optional(),
    /** How long an engine may not answer until it is taken for hung, milliseconds: it is ended then, and started again. */
    engineTimeoutMs: z.number().int().min(1000).max(3_600_000).default(30_000),
    /** A second engine for the verifier, which must agree with the first on every block. */
    check: z.enum(['op-geth', 'native']).optional(),
    /** What op-engine keeps behind the finalized block. */
    history: z
      .string()
      .default(defaultHistoryText)
      .transform((text, context) => {
        const history = parseHistory(text, blockTimeSeconds)
        if (typeof history !== 'string') return history
        context.addIssue({ code: 'custom', message: history })
        return z.NEVER
      }),
    sequencers: z.number().int().min(1).max(16).default(3),
    /** Programs of operators who share nothing but the network, instead of sequencers in this process. */
    operators: z.number().int().min(1).max(16).optional(),
    /** Of operators: only batches that their committee has attested on L1 count. */
    strict: z.boolean().default(false),
    /** Takes transactions that are signed for no chain. */
    allowUnprotected: z.boolean().default(false),
    /** Lets faults be ordered over JSON-RPC. */
    faults: z.boolean().default(false),
    ordering: z.enum(['first-come', 'priority']).default('first-come'),
    /** METIS for one ETH: what users pay in and what posting is paid in are compared by it. */
    gasTokenPrice: z
      .string()
      .regex(/^(?=.*[1-9])\d{1,9}(\.\d{1,18})?$/, 'METIS for one ETH, more than 0: 80 or 79.5')
      .default('80'),
    /** Who gets the profit, basis points. */
    split: splitSchema.default(defaultSplit),
    demo: z.boolean().default(false),
    /** Transactions a second of the demo. */
    rate: z.number().int().min(1).max(2_000).default(20),
    forMs: z.number().int().positive().optional(),
    blocks: z.number().int().positive().optional(),
    json: z.boolean().default(false),
  })
  .transform(config => ({ ...config, l1Confirmations: config.l1Confirmations ?? (config.l1 === undefined ? 0 : 4) }))
  .superRefine((config, context) => {
    const { engine, check } = config
    if (check !== undefined && (engine === 'anvil' || engine === 'geth' || engine === check)) {
      const message = engine === check ? 'that is what executes already' : `${engine} makes other blocks`
      context.addIssue({ code: 'custom', path: ['check'], message })
    }
    if (config.adminPort === undefined && config.adminToken !== undefined) {
      context.addIssue({ code: 'custom', path: ['admin-token'], message: 'needs --admin-port' })
    }
    if (config.strict && config.operators === undefined) {
      context.addIssue({ code: 'custom', path: ['strict'], message: 'needs --operators: nobody else attests' })
    }
    if (config.adminPort !== undefined && config.adminPort !== 0 && config.adminPort === config.port) {
      context.addIssue({ code: 'custom', path: ['admin-port'], message: 'is the port of the JSON-RPC' })
    }
    if (config.beacon !== undefined && config.l1 === undefined) {
      context.addIssue({ code: 'custom', path: ['beacon'], message: 'needs --l1' })
    }
    const shortestMs = (1 + expectedInclusionBlocks) * l1BlockMs(config)
    if (config.latencyMs !== undefined && config.latencyMs < shortestMs) {
      context.addIssue({ code: 'custom', path: ['latency'], message: `L1 needs ${shortestMs / 1000} s at least` })
    }
    if (config.s3 !== undefined && config.da !== 's3' && config.da !== 'router') {
      context.addIssue({ code: 'custom', path: ['s3'], message: 'a bucket is for --da s3 or --da router' })
    }
    if (config.da === 's3' && config.s3 === undefined) {
      context.addIssue({ code: 'custom', path: ['da'], message: 's3 needs --s3, a bucket' })
    }
    if (
      (config.da === 'celestia' || (config.da === 'router' && config.s3 === undefined)) &&
      config.data !== undefined &&
      config.celestia === undefined
    ) {
      const message = 'needs --celestia: the built-in Celestia forgets everything with the process'
      context.addIssue({ code: 'custom', path: ['data'], message })
    }
  })

export type NodeConfig = z.infer<typeof schema>

/** Checks a configuration; all that is wrong with it is said at once. */
export function parseNodeConfig(input: unknown): NodeConfig {
  const result = schema.safeParse(input)
  if (result.success) return result.data
  const issues = result.error.issues.map(issue => `--${issue.path.join('.')}: ${issue.message}`)
  throw new NodeError(issues.join('; '), { code: 'CONFIG_INVALID' })
}

/** The command line as a configuration. `--help` and mistakes are answered by the parser, which then ends the process. */
export function parseCommandLine(argv: readonly string[]): NodeConfig {
  const command = new Command('l2-node')
    .description(
      'A decentralised-sequencer rollup on one machine: L1, three sequencers, a batcher and an independent verifier.',
    )
    .option('--l1 <url>', "an L1's JSON-RPC instead of the built-in anvil")
    .option('--beacon <url>', "that L1's beacon REST, where blobs are read")
    .option(
      '--l1-confirmations <number>',
      'L1 blocks above one before it is built upon; 4, or 0 on the built-in L1',
      whole,
    )
    .option('--da <layer>', `where batches are posted: ${daLayers.join(', ')}`, 'ethereum-blobs')
    .option('--celestia <url>', 'a celestia-node instead of the built-in one; token in CELESTIA_TOKEN')
    .option(
      '--s3 <url>',
      'a bucket for --da s3, or behind Ethereum for --da router; keys in AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY',
    )
    .option('--latency <duration>', 'how long a transaction may wait until its batch is on L1', duration)
    .option('--stall <duration>', 'how long the router waits for its first layer', duration, 10_000)
    .option('--data <directory>', 'keep the chain here and go on from it')
    .option('--host <address>', 'address of the JSON-RPC', '127.0.0.1')
    .option('--port <number>', 'port of the JSON-RPC', whole, 9545)
    .option('--admin-port <number>', "port of the operator's JSON-RPC: start, stop, flush, throttling", whole)
    .option('--admin-host <address>', 'address of that port', '127.0.0.1')
    .option('--admin-token <file>', 'holds its token, mode 0600; <data>/admin.token by default')
    .option('--chain-id <number>', 'chain id of the rollup', whole, 59_900)
    .option('--ordering <policy>', 'first-come or priority', 'first-come')
    .option('--gas-token-price <METIS>', 'METIS for one ETH', '80')
    .option('--split <shares>', 'who gets the profit, basis points: sequencer=5000,treasury=5000', shares)
    .option('--engine <engine>', `what executes: ${engineKinds.join(', ')}; op-engine where it is there, else anvil`)
    .option('--engine-timeout <duration>', 'silence after which an engine is ended and started again', duration, 30_000)
    .option(
      '--check <engine>',
      'op-geth (another program) or native: the verifier executes with both, and they must agree',
    )
    .option('--history <spans>', `what op-engine and op-geth keep: ${defaultHistoryText}, or all`, defaultHistoryText)
    .option('--sequencers <number>', 'sequencers in the pool; one may fail only among four or more', whole, 3)
    .option('--operators <number>', 'as many programs of operators, who agree by CometBFT; 4 tolerate a liar', whole)
    .option('--strict', 'with --operators: only batches that they have attested on L1 count; no stock node follows')
    .option(
      '--allow-unprotected',
      'take transactions that are signed for no chain (before EIP-155), as presigned deployers are',
    )
    .option('--faults', 'let l2dev_halt, l2dev_resume and l2dev_equivocate order faults')
    .option('--demo', 'send transactions, as users would')
    .option('--no-demo', 'serve only')
    .option('--rate <number>', 'transactions a second of the demo', whole, 20)
    .option('--for <duration>', 'end after this time with a summary: 60s, 5m', duration)
    .option('--blocks <number>', 'end after this many L2 blocks with a summary', whole)
    .option('--json', 'one JSON object a line')
  command.parse([...argv], { from: 'user' })
  const {
    for: forMs,
    stall: stallMs,
    latency: latencyMs,
    engineTimeout: engineTimeoutMs,
    ...options
  } = command.opts<Record<string, unknown>>()
  return parseNodeConfig({
    ...options,
    stallMs,
    engineTimeoutMs,
    ...(forMs === undefined ? {} : { forMs }),
    ...(latencyMs === undefined ? {} : { latencyMs }),
  })
}
