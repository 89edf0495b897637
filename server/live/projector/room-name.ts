/**
 * What a room is called for one of its users, where it has no name of its own.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#calculating-the-display-name-for-a-room
 */
export type Hero = { userId: string; displayName: string | undefined; avatarUrl: string | undefined }

export type NameFacts = {
  /** Of `m.room.name`. */
  name: string | undefined
  /** Of `m.room.canonical_alias`. */
  alias: string | undefined
  /** Up to five others: joined or invited; where there are none, those who were. */
  heroes: readonly Hero[]
  /** Joined and invited, the user included. */
  memberCount: number
}

export function roomName({ name, alias, heroes, memberCount }: NameFacts): string {
  if (name) return name
  if (alias) return alias
  const names = disambiguate(heroes)
  const isEmpty = memberCount <= 1
  if (names.length === 0) return 'Empty room'
  const others = isEmpty ? 0 : memberCount - 1 - names.length
  const list = others > 0 ? `${names.join(', ')}, and ${others} ${others === 1 ? 'other' : 'others'}` : joinNames(names)
  return isEmpty ? `Empty room (was ${list})` : list
}

function joinNames(names: readonly string[]): string {
  if (names.length <= 2) return names.join(' and ')
  return `${names.slice(0, -1).join(', ')}, and ${names.at(-1)}`
}

/** Two heroes of one name are told apart by their IDs. */
function disambiguate(heroes: readonly Hero[]): string[] {
  const counts = new Map<string, number>()
  for (const { displayName } of heroes) if (displayName) counts.set(displayName, (counts.get(displayName) ?? 0) + 1)
  return heroes.map(({ userId, displayName }) => {
    if (!displayName) return userId
    return counts.get(displayName) === 1 ? displayName : `${displayName} (${userId})`
  })
}
