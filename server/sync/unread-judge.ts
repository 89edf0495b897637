/**
 * What an event weighs for a user: whether their own push rules notify them of it, and whether it is a highlight.
 * Whom a user ignores cannot notify them.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#receiving-notifications
 */
import { LRUCache } from 'lru-cache'
import { ignoredUsersType } from '../events/ignored-users.js'
import { isJsonObject } from '../events/pdu.js'
import type { UserId } from '../kernel/identifiers.js'
import { type PushAction, pushRulesType } from '../push/default-push-rules.js'
import {
  type CompiledRules,
  compilePushRules,
  type EventView,
  evaluatePushRules,
  type PushContext,
} from '../push/evaluate.js'
import { readRuleset } from '../push/push-rules.js'
import type { Room, Rooms } from '../rooms/room.js'
import type { AccountDataItem, ReadAccountDataOf } from './account-data-changes.js'

export type Weight = { readonly notifies: boolean; readonly highlights: boolean }

/** A user in a room, ready to judge its events. Good until their rules, their ignore list or their name change. */
export type Judge = {
  readonly userId: UserId
  readonly rules: CompiledRules
  /** Position of the newer of the user's rules and ignore list: what was judged by others is judged anew. */
  readonly judgedBy: number
  weigh(event: EventView, room: JudgedRoom): Weight
  /** The actions of the rule that matches. */
  ask(event: EventView, room: JudgedRoom): readonly PushAction[]
}

/** What rules ask of a room. */
export type JudgedRoom = Pick<PushContext, 'powerLevels'> & { readonly joinedCount: number }

/** @param room undefined for one that is not here: an invitation over federation */
export type ReadJudge = (userId: UserId, room: Room | undefined) => Promise<Judge>

/** Global account data that decides what an event weighs. */
export const judgingTypes: ReadonlySet<string> = new Set([pushRulesType, ignoredUsersType])

type Needs = { readAccountDataOf: ReadAccountDataOf; rooms: Pick<Rooms, 'readMember'> }

const maxUsers = 5_000

export function makeReadJudge({ readAccountDataOf, rooms }: Needs): ReadJudge {
  const compiled = new LRUCache<UserId, { from: AccountDataItem | undefined; rules: CompiledRules }>({ max: maxUsers })

  function compile(userId: UserId, from: AccountDataItem | undefined): CompiledRules {
    const known = compiled.get(userId)
    if (known && known.from === from) return known.rules
    const rules = compilePushRules(readRuleset(userId, from?.content))
    compiled.set(userId, { from, rules })
    return rules
  }

  async function readDisplayName(userId: UserId, room: Room): Promise<string | undefined> {
    const name = (await rooms.readMember(room, userId))?.pdu.content.displayname
    return typeof name === 'string' ? name : undefined
  }

  return async (userId, room) => {
    const account = await readAccountDataOf(userId)
    const { ignored } = account
    const items = [...judgingTypes].map((type) => account.global.get(type)?.position ?? 0)
    const rules = compile(userId, account.global.get(pushRulesType))
    const displayName = room && rules.feelsDisplayName ? await readDisplayName(userId, room) : undefined
    const ask: Judge['ask'] = (event, { powerLevels, joinedCount: memberCount }) =>
      ignored.has(event.sender)
        ? []
        : evaluatePushRules(rules, event, { userId, memberCount, displayName, powerLevels })
    return {
      userId,
      rules,
      judgedBy: Math.max(...items),
      ask,
      weigh: (event, room) => weightOf(ask(event, room)),
    }
  }
}

const silent: Weight = { notifies: false, highlights: false }
const plain: Weight = { notifies: true, highlights: false }
const loud: Weight = { notifies: true, highlights: true }

/** A highlight is a notification that stands out; a tweak without a value is on. */
export function weightOf(actions: readonly PushAction[]): Weight {
  if (!actions.includes('notify')) return silent
  const isLoud = actions.some(
    (action) => isJsonObject(action) && action.set_tweak === 'highlight' && action.value !== false,
  )
  return isLoud ? loud : plain
}
