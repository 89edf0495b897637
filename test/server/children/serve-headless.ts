/** The headless host in a process of its own, from the sources: says its `ready` line and what it complains of. */
import { runHeadless } from '../../../main/headless.js'
import type { Say } from '../../support/child.js'
import type { HeadlessArgs } from '../../support/headless-child.js'

export async function main({ args, env }: HeadlessArgs, say: Say): Promise<never> {
  await runHeadless({
    argv: ['--headless', '--no-open', '--client-port', '0', ...args],
    env: { ...process.env, ...env },
    print: (line) => say({ ready: line.split(' ')[1] }),
    complain: (line) => say({ complaint: line }),
    onSignal: (handler) => {
      process.on('SIGTERM', handler)
      process.on('message', handler) // any message ends it in order
    },
    onStdinEnd: () => {},
    openBrowser: () => {},
    // What was said last is still on its way to the parent.
    exit: (code) => void setTimeout(() => process.exit(code), 100),
  })
  return new Promise(() => {})
}
