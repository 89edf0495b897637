/**
 * Runs one TypeScript module in a process of its own, for what needs one: the engine keeps its lock until the
 * process ends, and a crash is a crash of a process.
 *
 * Usage: node child-entry.mjs <module> <JSON arguments>. The module's `main(args, say)` is called; `say`
 * sends a message to the parent, or prints it where there is none. The process ends when `main` is done.
 */
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { buildChild } from './child-build.mjs'

const [, , file, args] = process.argv
const module = await import(pathToFileURL(await buildChild(resolve(file))).href)
await module.main(JSON.parse(args ?? '{}'), (message) =>
  process.send ? process.send(message) : console.log(JSON.stringify(message)),
)
// Not process.exit at once: messages on their way to the parent would be lost.
if (process.connected) process.once('disconnect', () => process.exit(0)).disconnect()
else process.exit(0)
