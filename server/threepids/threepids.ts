/**
 * The addresses of accounts. One belongs to at most one account here: it is what a forgotten password is set anew by.
 *
 * Those that were only bound at an identity server are not among them; which servers know one is remembered as long as
 * the account has it.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#adding-account-administrative-contact-information
 */
import type { Clock } from '../kernel/clock.js'
import { MatrixError } from '../kernel/errors.js'
import type { UserId } from '../kernel/identifiers.js'
import { makeKeyedLock } from '../rooms/keyed-lock.js'
import type { Database } from '../store/reader.js'
import {
  deleteThreepid,
  deleteThreepidSession,
  insertThreepid,
  type Medium,
  readThreepid,
  readThreepidsOf,
  setThreepid,
  type ThreepidRow,
} from '../store/threepid-store.js'
import type { Write } from '../store/writes.js'
import { isEmailAddress, toEmailAddress } from './address.js'
import type { BindRequest, IdentityServer } from './identity-server.js'
import type { ValidatedAddress } from './validate-address.js'

export type UnbindResult = 'success' | 'no-support'

export type Threepids = {
  readThreepids(userId: UserId): Promise<ThreepidRow[]>
  /** Whose address it is. */
  findByThreepid(medium: string, address: string): Promise<UserId | undefined>
  /** @throws MatrixError 400 `M_THREEPID_IN_USE` where another account has it */
  checkFree(address: ValidatedAddress, userId?: UserId): Promise<void>
  /** @throws as `checkFree` */
  addThreepid(userId: UserId, address: ValidatedAddress, sid: string): Promise<void>
  /** Of an account that is made just now, in its own commit. */
  writesForAccount(userId: UserId, address: ValidatedAddress, sid: string): Write[]
  /** Takes it from the account, and from the identity server it was bound at. One that the account does not have is passed over. */
  deleteThreepid(userId: UserId, medium: Medium, address: string, idServer?: string): Promise<UnbindResult>
  bindThreepid(request: BindRequest): Promise<void>
  /** At the identity server alone. */
  unbindThreepid(userId: UserId, medium: Medium, address: string, idServer?: string): Promise<UnbindResult>
  /** All of an account that is closed. */
  deleteThreepidsOf(userId: UserId, idServer?: string): Promise<UnbindResult>
  endThreepidSession(sid: string): Promise<void>
}

type Needs = { db: Database; clock: Clock; identityServer: IdentityServer }

export const threepidInUse = () =>
  new MatrixError(400, 'M_THREEPID_IN_USE', 'Another account here has that address already.')

export function makeThreepids({ db, clock, identityServer }: Needs): Threepids {
  const inTurn = makeKeyedLock()
  const commit = (writes: Write[]) => db.commit(() => ({ writes, changes: [], result: undefined }))
  const rowOf = (userId: UserId, { medium, address, validatedAt }: ValidatedAddress): ThreepidRow => ({
    ...{ user_id: userId, medium, address },
    ...{ validated_at: validatedAt, added_at: clock.now() },
  })
  async function readOwn(userId: UserId, medium: Medium, address: string): Promise<ThreepidRow | undefined> {
    const row = await readThreepid(db, medium, canonical(medium, address))
    return row?.user_id === userId ? row : undefined
  }
  async function checkFree({ medium, address }: ValidatedAddress, userId?: UserId) {
    const row = await readThreepid(db, medium, address)
    if (row && row.user_id !== userId) throw threepidInUse()
  }
  /** @returns whether every server that was asked forgot it, and one was */
  async function unbind(userId: UserId, row: Pick<ThreepidRow, 'medium' | 'address'>, servers: readonly string[]) {
    const { medium, address } = row
    const answers = await Promise.all(
      servers.map((server) => identityServer.unbind(server, userId, { medium, address })),
    )
    return answers.length > 0 && answers.every(Boolean) ? ('success' as const) : ('no-support' as const)
  }
  const serversOf = (row: ThreepidRow | undefined, given: string | undefined) =>
    given === undefined ? (row?.id_servers ?? []) : [given]
  /** An address is taken, given up and bound in turn. */
  const inTurnOf = <T>(medium: Medium, address: string, work: () => Promise<T>) =>
    inTurn(`${medium} ${canonical(medium, address)}`, work)

  return {
    readThreepids: (userId) => readThreepidsOf(db, userId),

    async findByThreepid(medium, address) {
      if (medium !== 'email' || !isEmailAddress(address)) return undefined
      return (await readThreepid(db, medium, canonical(medium, address)))?.user_id
    },

    checkFree,
    endThreepidSession: (sid) => commit([deleteThreepidSession(sid)]),

    addThreepid: (userId, validated, sid) =>
      inTurnOf(validated.medium, validated.address, async () => {
        await checkFree(validated, userId)
        await commit([setThreepid(rowOf(userId, validated)), deleteThreepidSession(sid)])
      }),

    writesForAccount: (userId, validated, sid) => [
      insertThreepid(rowOf(userId, validated)),
      deleteThreepidSession(sid),
    ],

    deleteThreepid: (userId, medium, address, idServer) =>
      inTurnOf(medium, address, async () => {
        const row = await readOwn(userId, medium, address)
        if (!row) return 'no-support'
        await commit([deleteThreepid(row.medium, row.address)])
        return unbind(userId, row, serversOf(row, idServer))
      }),

    async bindThreepid(request) {
      const { medium, address } = await identityServer.bind(request)
      await inTurnOf(medium, address, async () => {
        const row = await readOwn(request.userId, medium, address)
        if (!row) return
        const servers = new Set([...(row.id_servers ?? []), request.server])
        await commit([setThreepid({ ...row, id_servers: [...servers] })])
      })
    },

    unbindThreepid: (userId, medium, address, idServer) =>
      inTurnOf(medium, address, async () => {
        const row = await readOwn(userId, medium, address)
        const servers = serversOf(row, idServer)
        const result = await unbind(userId, { medium, address: canonical(medium, address) }, servers)
        if (row?.id_servers && result === 'success') {
          const rest = row.id_servers.filter((server) => !servers.includes(server))
          const { id_servers: _, ...bare } = row
          await commit([setThreepid({ ...bare, ...(rest.length > 0 && { id_servers: rest }) })])
        }
        return result
      }),

    async deleteThreepidsOf(userId, idServer) {
      const rows = await readThreepidsOf(db, userId)
      if (rows.length > 0) await commit(rows.map((row) => deleteThreepid(row.medium, row.address)))
      const bound = rows.filter((row) => serversOf(row, idServer).length > 0)
      const results = await Promise.all(bound.map((row) => unbind(userId, row, serversOf(row, idServer))))
      // Where nothing was bound there is nothing that anybody would still find.
      return results.every((result) => result === 'success') ? 'success' : 'no-support'
    },
  }
}

const canonical = (medium: Medium, address: string) => (medium === 'email' ? toEmailAddress(address) : address)
