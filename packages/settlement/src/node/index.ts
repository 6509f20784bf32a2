export type { Artifact, Artifacts } from '../artifacts/artifact.js'
export { openArtifacts } from './artifacts.js'
