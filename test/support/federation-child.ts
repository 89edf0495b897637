/**
 * A federation server in a process of its own, for tests that kill it: `startChild(module, options)`, then one
 * message per call of `FederationCalls`.
 */
import type { RoomId, UserId } from '../../server/kernel/identifiers.js'
import type { EventDraft } from '../../server/rooms/build-event.js'
import { type Child, type Say, startChild } from './child.js'
import { type FederationServer, startFederationServer } from './federation-server.js'
import type { Certificate } from './test-ca.js'
import { heldIds } from './views.js'

export type ChildOptions = {
  name: string
  dataDir: string
  certificate: Certificate
  caPem: string
  port: number
  ports: [string, number][]
}

type Call = { id: number; operation: string; args: string[] }

/** The child's side. Never returns: it is killed, or told to end. */
export async function main(options: ChildOptions, say: Say): Promise<void> {
  const server = await startFederationServer({ ...options, ports: new Map(options.ports) })
  const operations: Record<string, (...args: string[]) => Promise<unknown>> = {
    join: (roomId, userId, via) =>
      server.ops.joinRoom({ roomId: roomId as RoomId, sender: userId as UserId, via: [via as never] }),
    createRoom: (creator) => server.ops.createRoom({ creator: creator as UserId, preset: 'public_chat' }),
    sendText: (roomId, sender, body) => server.sendText(roomId as RoomId, sender as UserId, body!),
    leave: (roomId, sender) => server.ops.leaveRoom({ roomId: roomId as RoomId, sender: sender as UserId }),
    closeListener: () => server.closeListener(),
    openListener: () => server.openListener(),
    messages: (roomId) => server.messages(roomId as RoomId),
    sendEvent: (roomId, draft) => server.ops.sendEvent(roomId as RoomId, JSON.parse(draft!) as EventDraft),
    banUser: (roomId, sender, target) => server.ops.banUser(targeted(roomId, sender, target)),
    kickUser: (roomId, sender, target) => server.ops.kickUser(targeted(roomId, sender, target)),
    /** The current state as `type|state key|event ID`, sorted, and the ends of the room. */
    stateOf: (roomId) => stateOf(server, roomId as RoomId),
    /** Sends `count` messages in ten lanes and says each body once it is acknowledged. */
    async sendMany(roomId, sender, prefix, count) {
      const bodies = Array.from({ length: Number(count) }, (_, i) => `${prefix}${i}`)
      const lane = async () => {
        for (let body = bodies.shift(); body !== undefined; body = bodies.shift()) {
          await server.sendText(roomId as RoomId, sender as UserId, body)
          say({ acknowledged: body })
        }
      }
      await Promise.all(Array.from({ length: 10 }, lane))
    },
  }
  const ended = new Promise<void>((resolve) => {
    process.on('message', async (message: Call | 'end') => {
      if (message === 'end') return resolve()
      const { id, operation, args } = message
      await operations[operation]!(...args).then(
        (result) => say({ id, result }),
        (error: Error) => say({ id, error: error.message }),
      )
    })
  })
  say({ ready: server.port })
  await ended
  await server.close()
}

const targeted = (roomId?: string, sender?: string, target?: string) => ({
  roomId: roomId as RoomId,
  sender: sender as UserId,
  target: target as UserId,
})

export async function stateOf({ ops: { rooms } }: FederationServer, roomId: RoomId) {
  const room = await rooms.get(roomId)
  if (!room) throw new Error('no room')
  const state = [...(await heldIds(rooms, room))].map(([key, id]) => `${key.replace('\0', '|')}|${id}`).sort()
  return { state, ends: room.extremities.map(({ eventId }) => eventId).sort() }
}

export type FederationChild = {
  readonly child: Child
  call<T>(operation: string, ...args: string[]): Promise<T>
}

export async function startFederationChild(options: ChildOptions): Promise<FederationChild> {
  const child = startChild(new URL('./federation-child.ts', import.meta.url), options)
  await child.hears((message) => (message as { ready?: number }).ready !== undefined)
  let last = 0
  return {
    child,
    async call<T>(operation: string, ...args: string[]) {
      const id = ++last
      child.post({ id, operation, args } satisfies Call)
      // Looked for in what was said, not listened for: a test polls far more often than a child may have listeners.
      const find = () => child.said.find((message) => (message as { id?: number }).id === id)
      let ended = false
      void child.ended.then(() => {
        ended = true
      })
      while (!find() && !ended) await new Promise((resolve) => setTimeout(resolve, 2))
      const answer = find() as { result?: T; error?: string } | undefined
      if (!answer) throw new Error(`the child ended before it answered ${operation}`)
      if (answer.error !== undefined) throw new Error(answer.error)
      return answer.result as T
    },
  }
}
