// A process of the soak of the model: lives through the seeds that it is told.
import { live } from '../test/model/lives.js'

const [from, end, step] = process.argv.slice(2).map(Number) as [number, number, number]
process.send!(live(from, end, step))
