/**
 * Profiles: display name, avatar, and any further field a user wants to show.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#profiles
 */

import { badJson, MatrixError, notFound } from '../kernel/errors.js'
import { parseMxcUri, type ServerName, serverNameOf, type UserId } from '../kernel/identifiers.js'
import { makeKeyedLock } from '../rooms/keyed-lock.js'
import type { Database } from '../store/reader.js'
import { readUser, setUser, type UserRow } from '../store/user-store.js'

export type Profile = { displayname?: string; avatar_url?: string } & Record<string, unknown>

export type Profiles = {
  /** @throws MatrixError 404 `M_NOT_FOUND` for an unknown user */
  readProfile(userId: UserId): Promise<Profile>
  /** Of a local user; undefined for none. Reads only this server's own rows. */
  readLocalProfile(userId: UserId): Promise<Profile | undefined>
  /**
   * @param value undefined removes the field
   * @throws MatrixError 400 `M_BAD_JSON`, `M_KEY_TOO_LARGE`, `M_PROFILE_TOO_LARGE`, 404 `M_NOT_FOUND`
   */
  setProfileField(userId: UserId, field: string, value: unknown): Promise<void>
}

/** Limits of the spec, in bytes: a field's name, and the whole profile as JSON. */
const maxFieldNameBytes = 255
const maxProfileBytes = 65_536

type Needs = {
  db: Database
  serverName: ServerName
  /** Name and avatar are copied into the user's member events; runs after the commit. */
  updateProfileInRooms(userId: UserId): Promise<void>
  /** Asks the user's own server; throws MatrixError 404 where there is none or no federation. */
  fetchRemoteProfile(userId: UserId): Promise<Profile>
  /** Whether an application service has made the account, now that it is asked for. */
  askForUser(userId: UserId): Promise<boolean>
}

export function makeProfiles(needs: Needs): Profiles {
  const { db, serverName } = needs
  const locked = makeKeyedLock()
  /** Apart from the profile's own: members are told one after the other, the last time with the last name. */
  const inRooms = makeKeyedLock()

  async function readLocalProfile(userId: UserId): Promise<Profile | undefined> {
    const user = await readUser(db, userId)
    return user && toProfile(user)
  }

  return {
    readLocalProfile,

    async readProfile(userId) {
      if (serverNameOf(userId) !== serverName) return needs.fetchRemoteProfile(userId)
      let profile = await readLocalProfile(userId)
      if (!profile && (await needs.askForUser(userId))) profile = await readLocalProfile(userId)
      if (!profile) throw notFound('There is no such user.')
      return profile
    },

    async setProfileField(userId, field, value) {
      checkField(field, value)
      const isInRooms = await locked(userId, async () => {
        const user = await readUser(db, userId)
        if (!user) throw notFound('There is no such user.')
        const profile = { ...toProfile(user), [field]: value }
        if (Buffer.byteLength(JSON.stringify(profile)) > maxProfileBytes)
          throw new MatrixError(400, 'M_PROFILE_TOO_LARGE', 'The profile would be larger than 64 KiB.')
        const { displayname, avatar_url, ...others } = profile
        const write = setUser(userId, { displayname, avatar_url, profile: others })
        await db.commit((grant) => ({
          writes: [write],
          changes: [{ kind: 'profile', position: grant.position(), userId }],
          result: undefined,
        }))
        return (field === 'displayname' || field === 'avatar_url') && user[field] !== value
      })
      if (isInRooms) await inRooms(userId, () => needs.updateProfileInRooms(userId))
    },
  }
}

const toProfile = ({ displayname, avatar_url, profile }: UserRow): Profile => ({
  ...(displayname !== undefined && { displayname }),
  ...(avatar_url !== undefined && { avatar_url }),
  ...profile,
})

function checkField(field: string, value: unknown): void {
  if (field === '' || Buffer.byteLength(field) > maxFieldNameBytes)
    throw new MatrixError(400, 'M_KEY_TOO_LARGE', 'The name of a profile field has at most 255 bytes.')
  if (value === undefined) return
  if (field === 'displayname' && typeof value !== 'string') throw badJson('displayname must be text.')
  if (field === 'avatar_url' && value !== '' && !parseMxcUri(value)) throw badJson('avatar_url must be an mxc:// URI.')
  if (field === 'm.tz' && typeof value !== 'string') throw badJson('m.tz must be text.')
}
