import { expect, test } from 'vitest'
import type { RoomId } from '../../../server/kernel/identifiers.js'
import { makeBuildExtensions } from '../../../server/sync/sliding/extensions.js'

test('of rooms that are shown, receipts and typing are read where something came alone', async () => {
  const read: string[] = []
  const position = { '!read:test': 12, '!typed:test': 3, '!quiet:test': 3, '!new:test': 3 } as Record<string, number>
  const build = makeBuildExtensions({
    typing: { serialOf: (roomId) => (roomId === '!typed:test' ? 8 : 2) },
    receipts: { lastPosition: (roomId) => position[roomId] },
    async readEphemeral(_context, roomId) {
      read.push(roomId)
      return []
    },
    inbox: { exchange: async () => ({ messages: [] }) },
    readKeyCounts: async () => ({ oneTimeKeys: {}, unusedFallbackKeys: [] }),
    readDeviceLists: async () => ({ changed: [], left: [] }),
    readPushRules: async () => ({}),
  })
  const context = { from: { position: 10, boot: 'b', serial: 5 }, fromSerial: 5, upTo: 12 } as never
  await build({
    extensions: { receipts: { enabled: true }, typing: { enabled: true } },
    device: { userId: '@a:test', deviceId: 'D' } as never,
    context,
    rooms: [...Object.keys(position), '!old:test'].map((roomId) => ({
      roomId: roomId as RoomId,
      context,
      isNew: roomId === '!new:test',
    })),
    listsOf: () => [],
  })
  expect(read).toEqual(['!read:test', '!typed:test', '!new:test'])
})
