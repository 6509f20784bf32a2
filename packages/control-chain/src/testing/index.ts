export {
  type ControlConformanceCase,
  type ControlNetwork,
  type ControlPeer,
  controlChainConformance,
} from './conformance.js'
