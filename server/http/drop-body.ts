/**
 * What is left of a body when its request has been answered, is still received for a while and thrown away.
 *
 * A caller who is cut off while sending never sees the answer, and a connection whose body is left lying is dead: the
 * next request on it waits for ever. So the rest is taken in, within bounds; beyond them the connection ends.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { systemClock } from '../kernel/clock.js'

const limits = { bytes: 64 * 1024 * 1024, ms: 10_000 }

/** To be called before the answer is sent; does nothing where the body has been read. */
export function dropBody({ raw, headers }: FastifyRequest, reply: FastifyReply): void {
  const declared = headers['content-length']
  if (declared === undefined && headers['transfer-encoding'] === undefined) return
  if (raw.readableEnded || raw.destroyed) return
  if (Number(declared ?? 0) > limits.bytes) reply.header('connection', 'close')
  let dropped = 0
  const cut = systemClock.after(limits.ms, () => raw.destroy())
  raw
    .on('data', (chunk: Buffer) => {
      dropped += chunk.length
      if (dropped > limits.bytes) raw.destroy()
    })
    .once('error', () => {}) // of a body that nobody reads any more
    .once('close', () => cut.cancel())
    .resume()
}
