/**
 * Many connections of strangers in a process of their own, so that what they hold is not in the memory of the server
 * they are opened against. Each comes from one of several addresses of the loopback network, all of which are this
 * machine's on Linux and Windows.
 */
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Say } from '../../../support/child.js'

export type StrangersArgs = {
  port: number
  count: number
  /** From so many addresses, 127.0.9.1 and up. */
  addresses: number
  tls: 'none' | 'spoken' | 'never-begun'
  /** Sent at once; then silence. */
  head: string
  bodyBytes: number
}
export type StrangersSay = { settled: { open: number; refused: number } } | { closed: number; afterMs: number }

export async function main(args: StrangersArgs, say: Say): Promise<void> {
  let allClosed = () => {}
  const untilClosed = new Promise<void>((resolve) => {
    allClosed = resolve
  })
  const started = performance.now()
  let closed = 0
  let refused = 0
  let settled = 0
  const settle = () => {
    settled += 1
    if (settled === args.count) say({ settled: { open: args.count - closed, refused } })
  }
  for (let i = 0; i < args.count; i++) {
    const place = { host: '127.0.0.1', port: args.port, localAddress: `127.0.9.${1 + (i % args.addresses)}` }
    const socket = args.tls === 'spoken' ? connectTls({ ...place, rejectUnauthorized: false }) : connect(place)
    let isSettled = false
    const once = () => {
      if (isSettled) return
      isSettled = true
      settle()
    }
    socket.on('error', () => {})
    socket.on('data', () => {})
    socket.on('close', () => {
      closed += 1
      if (!isSettled) refused += 1
      once()
      if (closed < args.count) return
      say({ closed, afterMs: performance.now() - started })
      allClosed()
    })
    const isReady = args.tls === 'spoken' ? 'secureConnect' : 'connect'
    socket.once(isReady, () => {
      if (args.head !== '') socket.write(args.head)
      if (args.bodyBytes > 0) socket.write(Buffer.alloc(args.bodyBytes, 'x'))
      setTimeout(once, 200)
    })
    if (i % 50 === 49) await new Promise((resolve) => setTimeout(resolve, 10))
  }
  await untilClosed
}
