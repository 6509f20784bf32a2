// Says what a long step is about to do, so that a first run is never a silent wait.
console.log(`▸ ${process.argv.slice(2).join(' ')}`)
