/** The rows of a device that looks, when something happens while they are written. */
import { expect, test } from 'vitest'
import type { DeviceId } from '../../../server/kernel/identifiers.js'
import type { DeviceListChangesRow } from '../../../server/kernel/live-rows.js'
import { DeviceListJournal, journalLimits } from '../../../server/live/projector/device-list-journal.js'
import { DeviceRows, toDeviceWindow } from '../../../server/live/projector/device-rows.js'
import { setJournalRow } from '../../../server/store/device-list-journal-store.js'
import { insertToDevice } from '../../../server/store/device-sync-store.js'
import type { LiveTables } from '../../../server/store/live.js'
import { makeToDeviceInbox } from '../../../server/sync/to-device-inbox.js'
import { openTestDatabase, silentLogger } from '../../support/database.js'
import { fakeClock } from '../../support/fake-clock.js'
import { user } from '../../support/rooms.js'

const device = { userId: user('bob'), deviceId: 'DEV' as DeviceId }

async function begin() {
  const db = await openTestDatabase()
  const clock = fakeClock()
  const inbox = makeToDeviceInbox({ db, log: silentLogger })
  /** Runs before the next write of a message. */
  let before: (() => Promise<void>) | undefined
  const live: Pick<LiveTables, 'writeLive' | 'empty'> = {
    empty: (...table) => db.live.empty(...table),
    async writeLive(writes, options) {
      const isMessage = writes.some((write) => write.op === 'upsert' && write.table === 'to_device')
      const run = isMessage ? before : undefined
      if (run) before = undefined
      await run?.()
      await db.live.writeLive(writes, options)
    },
  }
  const readKeyCounts = async () => ({ oneTimeKeys: {}, unusedFallbackKeys: [] })
  const rows = new DeviceRows({ db, live, inbox, readKeyCounts, clock, logger: silentLogger })
  await rows.start()
  db.onCommitted('project', (changes) => rows.hear(changes))
  return {
    ...{ rows, clock, inbox },
    /** @returns the position */
    send: (text: string) =>
      db.commit((grant) => {
        const position = grant.position()
        const content = JSON.stringify({ text })
        return {
          writes: [
            insertToDevice(device.userId, device.deviceId, { sender: user('alice'), type: 't', content, position }),
          ],
          changes: [{ kind: 'to_device', position, ...device, size: content.length }],
          result: position,
        }
      }),
    beforeWrite(run: () => Promise<void>) {
      before = run
    },
    read: async () => (await db.query<[number[]]>('SELECT VALUE position FROM to_device'))[0],
    async [Symbol.asyncDispose]() {
      await rows.close()
      await db[Symbol.asyncDispose]()
    },
  }
}

test('a message that is acknowledged while its row is being written has none in the end', async () => {
  await using at = await begin()
  await at.rows.open(device)
  const first = await at.send('1')
  await at.rows.settle()
  at.beforeWrite(async () => void (await at.inbox.acknowledge(device, second)))
  const second = await at.send('2')
  await at.rows.settle()
  expect(second).toBeGreaterThan(first)
  expect(await at.read()).toEqual([])
})

test('what could not be written is written a moment later, and what was acknowledged meanwhile is not', async () => {
  await using at = await begin()
  const first = await at.send('1')
  const second = await at.send('2')
  at.beforeWrite(async () => {
    throw new Error('no space')
  })
  await at.rows.open(device)
  expect(await at.read()).toEqual([])
  await at.inbox.acknowledge(device, first)
  await at.rows.settle()
  at.clock.advance(2_000)
  await expect.poll(at.read).toEqual([second])
})

test('a device that goes and comes back while it is being written has its rows, and none when it is gone', async () => {
  await using at = await begin()
  const position = await at.send('1')
  at.beforeWrite(async () => {
    at.rows.go(device)
    void at.rows.open(device)
  })
  await at.rows.open(device)
  await at.rows.settle()
  expect(await at.read()).toEqual([position])
  at.rows.go(device)
  await at.rows.settle()
  expect(await at.read()).toEqual([])

  at.beforeWrite(async () => at.rows.go(device))
  await at.rows.open(device)
  await at.rows.settle()
  expect(await at.read()).toEqual([])
})

test('no more than a device can take at once is there, and what follows comes as it acknowledges', async () => {
  await using at = await begin()
  const positions: number[] = []
  const size = 60_000
  const fit = Math.ceil(toDeviceWindow.characters / size)
  for (let n = 0; n < fit + 10; n++) positions.push(await at.send('x'.repeat(size)))
  await at.rows.open(device)
  const there = await at.read()
  expect(there).toEqual(positions.slice(0, there.length))
  expect(there.length).toBeLessThanOrEqual(fit)
  await at.inbox.acknowledge(device, positions[9]!)
  await at.rows.settle()
  expect(await at.read()).toEqual(positions.slice(10, 10 + there.length))
})

test('a journal of device lists keeps its newest rows, and begins anew where too much changed or too long ago', async () => {
  await using db = await openTestDatabase()
  const bob = user('bob')
  let changed = [user('alice')]
  const make = () =>
    new DeviceListJournal({
      ...{ db, live: db.live, clock: fakeClock(), logger: silentLogger },
      readDeviceLists: async () => ({ changed, left: [] }),
    })
  const change = () =>
    db.commit((grant) => ({
      ...{ writes: [], result: undefined },
      changes: [{ kind: 'device_list', position: grant.position(), userId: user('alice') }],
    }))
  const look = async () => {
    const journal = make()
    await journal.open(bob)
    await journal.close()
    const [rows] = await db.query<[DeviceListChangesRow[]]>('SELECT * FROM device_list_changes:[$bob, 0]..[$bob, ..]', {
      bob,
    })
    return rows
  }
  await change()
  expect(await look()).toMatchObject([{ since: db.position, position: db.position, changed: [] }])
  for (let n = 0; n < journalLimits.rows + 5; n++) {
    await change()
    await look()
  }
  const rows = await look()
  expect(rows).toHaveLength(journalLimits.rows)
  expect(rows.at(-1)).toMatchObject({ since: rows.at(-2)?.position, position: db.position, changed })

  changed = Array.from({ length: journalLimits.users + 1 }, (_, n) => user(`u${n}`))
  await change()
  expect(await look()).toMatchObject([{ since: db.position, position: db.position, changed: [], left: [] }])
  changed = []
  await db.live.writeLive([{ op: 'statement', sql: 'DELETE device_list_changes', bindings: {} }])
  const future = { user_id: bob, since: 1, position: db.position + 9, changed: [], left: [] }
  await db.live.writeLive([setJournalRow(future)])
  expect(await look()).toMatchObject([{ position: db.position }])
})
