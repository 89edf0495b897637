/**
 * Runs one TypeScript module in a process of its own, for what needs one: the engine keeps its lock until the
 * process ends, and a crash is a crash of a process.
 *
 * Usage: node child-entry.mjs <module> <JSON arguments>. The module's `main(args, say)` is called; `say`
 * sends a message to the parent, or prints it where there is none. The process ends when `main` is done.
 */
import { resolve } from 'node:path'
import { createServer } from 'vite'

const [, , file, args] = process.argv
const vite = await createServer({
  configFile: false,
  logLevel: 'error',
  appType: 'custom',
  server: { middlewareMode: true, ws: false, watch: null },
  optimizeDeps: { noDiscovery: true },
  oxc: { target: 'node20' },
})
const module = await vite.ssrLoadModule(resolve(file))
await module.main(JSON.parse(args ?? '{}'), (message) =>
  process.send ? process.send(message) : console.log(JSON.stringify(message)),
)
// Not process.exit at once: messages on their way to the parent would be lost.
process.disconnect?.()
await vite.close()
process.exit(0)
