/** Who sees what: membership history × history visibility × endpoint, on a real room. */
import { describe, expect, test } from 'vitest'
import { MatrixError } from '../../../server/kernel/errors.js'
import type { EventId } from '../../../server/kernel/identifiers.js'
import { openTestDatabase } from '../../support/database.js'
import { user } from '../../support/rooms.js'
import { forbidden, type Step, sightSteps as steps, sightTable as table } from '../../support/sight-table.js'
import { bodies, makeTestSyncing, type SyncEvent } from '../../support/syncing.js'

const alice = user('alice')
/** State is that of the last time inside; only a world-readable room shows it to others. */
const stateAt: Record<Step, string> = {
  stranger: forbidden,
  invited: forbidden,
  joined: 'joined',
  left: 'left',
  reinvited: 'left',
  rejoined: 'rejoined',
  banned: 'banned',
  forgotten: forbidden,
}

/** Topics that were set while Bob was inside, or before. */
const seenTopics: Record<Step, readonly string[]> = {
  stranger: [],
  invited: [],
  joined: ['stranger', 'invited', 'joined'],
  left: ['stranger', 'invited', 'joined'],
  reinvited: ['stranger', 'invited', 'joined'],
  rejoined: steps,
  banned: ['stranger', 'invited', 'joined', 'left', 'reinvited', 'rejoined'],
  forgotten: [],
}

async function unlessRefused<T>(run: () => Promise<T>): Promise<T | typeof forbidden> {
  try {
    return await run()
  } catch (error) {
    if (error instanceof MatrixError && error.status === 403) return forbidden
    throw error
  }
}

const textOf = (events: readonly SyncEvent[]) => bodies(events).join(' ')

describe.each(['11', '12'])('in a room of version %s', async (roomVersion) => {
  const db = await openTestDatabase()
  const hs = await makeTestSyncing(db)
  const device = (name: string) => hs.device(user(name))

  describe.each(Object.keys(table) as (keyof typeof table)[])('that is %s', async (visibility) => {
    const bob = user(`bob-${visibility}`)
    const reader = device(`bob-${visibility}`)
    const roomId = await hs.createRoom({
      creator: alice,
      roomVersion,
      initialState: [{ type: 'm.room.history_visibility', state_key: '', content: { history_visibility: visibility } }],
    })
    const said: Partial<Record<Step, EventId>> = {}
    const happen: Record<Step, () => Promise<unknown>> = {
      stranger: async () => undefined,
      invited: () => hs.inviteUser({ roomId, sender: alice, target: bob }),
      joined: () => hs.joinRoom({ roomId, sender: bob }),
      left: () => hs.leaveRoom({ roomId, sender: bob }),
      reinvited: () => hs.inviteUser({ roomId, sender: alice, target: bob }),
      rejoined: () => hs.joinRoom({ roomId, sender: bob }),
      banned: () => hs.banUser({ roomId, sender: alice, target: bob }),
      forgotten: () => hs.forgetRoom({ roomId, sender: bob }),
    }

    test.each(steps)('%s: /messages, /event, /context, /sync, /state and /members agree', async (step) => {
      await happen[step]()
      await hs.sendEvent(roomId, { type: 'm.room.topic', stateKey: '', sender: alice, content: { topic: step } })
      said[step] = await hs.sendText(roomId, alice, step)
      const expected = table[visibility][step]
      const visible = expected === forbidden ? [] : expected.split(' ')
      const sent = Object.entries(said) as [Step, EventId][]

      const messages = await unlessRefused(async () =>
        textOf((await reader.messages(roomId, { limit: 100 })).chunk.reverse()),
      )
      const forwards = await unlessRefused(async () =>
        textOf((await reader.messages(roomId, { direction: 'f', limit: 100 })).chunk),
      )
      expect({ messages, forwards }).toEqual({ messages: expected, forwards: expected })

      for (const eventId of Object.values(said)) {
        const state = await reader.context(roomId, eventId, 0).then(
          (found) => found.state,
          () => [],
        )
        const topics = state.filter(({ type }) => type === 'm.room.topic').map(({ content }) => String(content.topic))
        // Nobody outside is shown a state from after their leaving.
        if (visibility !== 'world_readable') for (const topic of topics) expect(seenTopics[step]).toContain(topic)
      }
      for (const [name, eventId] of sent) {
        const event = reader.event(roomId, eventId).then(
          () => 200,
          (error: MatrixError) => error.status,
        )
        const context = reader.context(roomId, eventId, 100).then(
          (found) => textOf([...found.events_before.reverse(), found.event, ...found.events_after]),
          (error: MatrixError) => error.status,
        )
        const isVisible = visible.includes(name)
        expect([name, await event]).toEqual([name, isVisible ? 200 : 404])
        expect([name, await context]).toEqual([name, isVisible ? expected : expected === forbidden ? 403 : 404])
      }

      const filter = { room: { include_leave: true, timeline: { limit: 100 } } }
      const { rooms } = await reader.sync({ filter })
      const section = rooms?.join?.[roomId] ?? rooms?.leave?.[roomId]
      const isInside = step === 'joined' || step === 'rejoined'
      // A room that was left shows what happened up to the leaving, whoever else may read on.
      const told = isInside ? expected : visible.filter((name) => name !== step).join(' ')
      expect(section && textOf(section.timeline.events)).toBe(
        isInside || step === 'left' || step === 'banned' ? told : undefined,
      )

      const topic = await unlessRefused(async () => (await reader.stateEvent(roomId, 'm.room.topic')).content.topic)
      const state = await unlessRefused(
        async () => (await reader.state(roomId)).find(({ type }) => type === 'm.room.topic')?.content.topic,
      )
      const members = await unlessRefused(async () => (await reader.members(roomId)).map(({ state_key }) => state_key))
      const before = steps[steps.indexOf(stateAt[step] as Step) - 1]
      const expectedTopic =
        visibility === 'world_readable' || isInside ? step : stateAt[step] === forbidden ? forbidden : before
      expect({ topic, state }).toEqual({ topic: expectedTopic, state: expectedTopic })
      expect(members === forbidden).toBe(expectedTopic === forbidden)
    })
  })

  test('a visibility that changes is judged event by event, the change itself by either value', async () => {
    const bob = user('bob-changes')
    const roomId = await hs.createRoom({ creator: alice, roomVersion, preset: 'public_chat' })
    const setVisibility = (history_visibility: string) =>
      hs.sendEvent(roomId, {
        type: 'm.room.history_visibility',
        stateKey: '',
        sender: alice,
        content: { history_visibility },
      })
    await hs.sendText(roomId, alice, 'shared at first')
    await setVisibility('joined')
    await hs.sendText(roomId, alice, 'then joined')
    await setVisibility('shared')
    await hs.sendText(roomId, alice, 'shared again')
    for (let i = 0; i < 70; i++)
      await hs.sendEvent(roomId, { type: 'org.example.filler', sender: alice, content: { i } })
    await hs.joinRoom({ roomId, sender: bob })

    const reader = device('bob-changes')
    const { chunk } = await reader.messages(roomId, { limit: 200 })

    expect(bodies(chunk)).toEqual(['shared again', 'shared at first'])
    const changes = chunk.filter(({ type }) => type === 'm.room.history_visibility')
    expect(changes.map(({ content }) => content.history_visibility)).toEqual(['shared', 'joined', 'shared'])
  })

  test('a room nobody has heard of and one that is closed are refused alike', async () => {
    const roomId = await hs.createRoom({ creator: alice, roomVersion })
    const reader = device('nobody')
    const unknown = '!AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' as typeof roomId

    const refusal = async (id: typeof roomId) => reader.messages(id).catch((error: MatrixError) => error.toBody())

    expect(await refusal(unknown)).toEqual(await refusal(roomId))
  })
})
