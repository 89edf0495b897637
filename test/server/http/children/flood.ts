/** A client without pauses, in a process of its own: several connections, each asking again as soon as it is answered. */
import { Agent, request } from 'node:http'
import type { Say } from '../../../support/child.js'

export type FloodArgs = {
  port: number
  connections: number
  forMs: number
  headers: Record<string, string>
  localAddress: string
  path: string
}
export type FloodSay = { begun: true } | { answers: Record<string, number> }

export async function main(args: FloodArgs, say: Say): Promise<void> {
  const { port, path, headers, localAddress, connections } = args
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const answers: Record<string, number> = {}
  const end = Date.now() + args.forMs
  const askOnce = () =>
    new Promise<void>((resolve) => {
      const asked = request({ host: '127.0.0.1', port, path, headers, localAddress, agent }, (answer) => {
        answers[answer.statusCode!] = (answers[answer.statusCode!] ?? 0) + 1
        answer.resume().on('close', resolve)
      })
      asked.on('error', () => resolve()).end()
    })
  say({ begun: true })
  await Promise.all(
    Array.from({ length: connections }, async () => {
      while (Date.now() < end) await askOnce()
    }),
  )
  agent.destroy()
  say({ answers })
}
