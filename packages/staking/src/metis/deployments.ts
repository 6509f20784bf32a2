import type { Address } from 'viem'

/** Where Metis' contracts are. Addresses are data: pass your own for a fork. */
export type MetisDeployment = {
  l1ChainId: number
  l2ChainId: number
  /** Entry point of every call. */
  lockingPool: Address
  /** Holds the tokens: this is whom to approve. */
  lockingInfo: Address
  /** On L2. */
  sequencerSet: Address
  metisToken: Address
  bridge: Address
  l2MetisToken: Address
}

/** Source: deployments of MetisProtocol/metis-sequencer-contract, `mainnet` and `sepolia`. */
export const metisDeployments: { mainnet: MetisDeployment; sepolia: MetisDeployment } = {
  mainnet: {
    l1ChainId: 1,
    l2ChainId: 1088,
    lockingPool: '0xD54c868362C2098E0E46F12E7D924C6A332952Dd',
    lockingInfo: '0x0fe382b74C3894B65c10E5C12ae60Bbd8FAf5b48',
    sequencerSet: '0x0fe382b74C3894B65c10E5C12ae60Bbd8FAf5b48',
    metisToken: '0x9E32b13ce7f2E80A01932B42553652E053D6ed8e',
    bridge: '0x3980c9ed79d2c191A89E02Fa3529C60eD6e9c04b',
    l2MetisToken: '0xDeadDeAddeAddEAddeadDEaDDEAdDeaDDeAD0000',
  },
  sepolia: {
    l1ChainId: 11_155_111,
    l2ChainId: 59_902,
    lockingPool: '0x7591940125cC0344a65D60319d1ADcD463B2D4c3',
    lockingInfo: '0x390A6fE63385522E87e248BC5200f7d3a02F994b',
    sequencerSet: '0xdE8d56212118906a0CeCD331e842429714b4c47B',
    metisToken: '0x7f49160EB9BB068101d445fe77E17ecDb37D0B47',
    bridge: '0x9848dE505e6Aa301cEecfCf23A0a150140fc996e',
    l2MetisToken: '0xDeadDeAddeAddEAddeadDEaDDEAdDeaDDeAD0000',
  },
}
