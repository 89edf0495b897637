/**
 * Account data, tags and filters: JSON that clients keep for their user.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#client-config
 */
import { createHash } from 'node:crypto'
import { MatrixError, notFound } from '../kernel/errors.js'
import type { RoomId, UserId } from '../kernel/identifiers.js'
import { makeKeyedLock } from '../rooms/keyed-lock.js'
import { readAccountDataEntry, setAccountDataEntry } from '../store/account-data-store.js'
import { readFilter, setFilter } from '../store/filter-store.js'
import type { Database } from '../store/reader.js'

export type Content = Record<string, unknown>
export type Tags = Record<string, { order?: number }>

export type AccountData = {
  /** @throws MatrixError 404 `M_NOT_FOUND` where there is none */
  readAccountData(userId: UserId, roomId: RoomId | undefined, type: string): Promise<Content>
  /** What clients may set themselves. @throws MatrixError 405 for types that the server keeps */
  setAccountData(userId: UserId, roomId: RoomId | undefined, type: string, content: Content): Promise<void>
  /** Reads, changes and writes one entry; changes to one user's data wait for each other. */
  changeAccountData(
    userId: UserId,
    roomId: RoomId | undefined,
    type: string,
    change: (content: Content | undefined) => Content,
  ): Promise<void>
  readTags(userId: UserId, roomId: RoomId): Promise<Tags>
  setTag(userId: UserId, roomId: RoomId, tag: string, info: { order?: number }): Promise<void>
  deleteTag(userId: UserId, roomId: RoomId, tag: string): Promise<void>
  /** @returns the filter's ID; the same filter always has the same one */
  defineFilter(userId: UserId, filter: Content): Promise<string>
  /** @throws MatrixError 404 `M_NOT_FOUND` */
  readFilter(userId: UserId, filterId: string): Promise<Content>
}

/** Types with endpoints of their own. */
const serverControlled = new Set(['m.fully_read', 'm.push_rules'])

export function makeAccountData({ db }: { db: Database }): AccountData {
  const locked = makeKeyedLock()

  const read = async (userId: UserId, roomId: RoomId | undefined, type: string): Promise<Content | undefined> => {
    const text = await readAccountDataEntry(db, userId, roomId, type)
    return text === undefined ? undefined : (JSON.parse(text) as Content)
  }

  const changeAccountData: AccountData['changeAccountData'] = (userId, roomId, type, change) =>
    locked(userId, async () => {
      const content = change(await read(userId, roomId, type))
      const text = JSON.stringify(content)
      await db.commit((grant) => {
        const position = grant.position()
        return {
          writes: [setAccountDataEntry(userId, { roomId, type, content: text, position })],
          changes: [{ kind: 'account_data', position, userId, ...(roomId && { roomId }), type, content }],
          result: undefined,
        }
      })
    })
  const readTags = async (userId: UserId, roomId: RoomId) => tagsOf(await read(userId, roomId, 'm.tag'))

  return {
    changeAccountData,
    readTags,
    async readAccountData(userId, roomId, type) {
      const content = await read(userId, roomId, type)
      if (!content) throw notFound('There is no such account data.')
      return content
    },
    setAccountData(userId, roomId, type, content) {
      if (serverControlled.has(type))
        throw new MatrixError(405, 'M_BAD_JSON', `${type} cannot be set through this API.`)
      return changeAccountData(userId, roomId, type, () => content)
    },
    setTag: (userId, roomId, tag, info) =>
      changeAccountData(userId, roomId, 'm.tag', (content) => ({
        ...content,
        tags: { ...tagsOf(content), [tag]: info },
      })),
    deleteTag: (userId, roomId, tag) =>
      changeAccountData(userId, roomId, 'm.tag', (content) => {
        const { [tag]: _, ...others } = tagsOf(content)
        return { ...content, tags: others }
      }),
    async defineFilter(userId, filter) {
      const text = JSON.stringify(filter)
      const filterId = createHash('sha256').update(text).digest('base64url').slice(0, 16)
      await db.commit(() => ({ writes: [setFilter(userId, filterId, text)], changes: [], result: undefined }))
      return filterId
    },
    async readFilter(userId, filterId) {
      const text = await readFilter(db, userId, filterId)
      if (text === undefined) throw notFound('There is no such filter.')
      return JSON.parse(text) as Content
    },
  }
}

function tagsOf(content: Content | undefined): Tags {
  const tags = content?.tags
  return typeof tags === 'object' && tags !== null && !Array.isArray(tags) ? (tags as Tags) : {}
}
