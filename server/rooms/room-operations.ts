/** Builds every operation on rooms once, in the order in which they use each other. */
import type { JsonObject } from '../events/pdu.js'
import type { RoomAlias, UserId } from '../kernel/identifiers.js'
import { together } from '../kernel/together.js'
import type { Database } from '../store/reader.js'
import { type AcceptPdu, makeAcceptPdu } from './accept-pdu.js'
import type { Signer } from './build-event.js'
import { type InterestedIn, makeBuildStep, type OutboxWrites } from './build-step.js'
import { type CreateRoom, makeCreateRoom } from './create-room.js'
import { type ImportRoom, makeImportRoom } from './import-room.js'
import { type InsertHistory, makeInsertHistory } from './insert-history.js'
import { type MemberOperations, makeMemberOperations, type Remote } from './member-operations.js'
import { makeSetOutsideMembership, type SetOutsideMembership } from './outside-membership.js'
import { makePublicRooms, type PublicRooms } from './public-rooms.js'
import { makeReadRoomSummary, type ReadRoomSummary } from './read-room-summary.js'
import { makeRedactEvent, type RedactEvent } from './redact-event.js'
import { makeRoomAliases, type ResolvedAlias, type RoomAliases } from './room-aliases.js'
import { makeRooms, type RoomsForWriting } from './rooms.js'
import { makeSendEvent, type SendEvent } from './send-event.js'
import { makeSendMessage } from './send-message.js'
import { makeSendState, type SendState } from './send-state.js'
import { makeSpaceHierarchies, type QuerySpace, type SpaceHierarchies } from './space-hierarchy.js'
import { makeUpgradeRoom, type UpgradeRooms } from './upgrade-room.js'

export type RoomNeeds = {
  db: Database
  signer: Signer
  defaultRoomVersion: string
  anyoneMayPublish: boolean
  memberProfile: (userId: UserId) => Promise<JsonObject>
  outboxWrites: OutboxWrites
  /** What application services are told and asked. */
  appservices: {
    interestedIn: InterestedIn
    /** Whether a service has made the room of this alias, now that it is asked for. */
    askForAlias(alias: RoomAlias): Promise<boolean>
  }
  remote: Remote & { queryDirectory: (alias: RoomAlias) => Promise<ResolvedAlias>; querySpace: QuerySpace }
}

export type RoomOperations = MemberOperations &
  RoomAliases &
  PublicRooms &
  SpaceHierarchies &
  UpgradeRooms & {
    readRoomSummary: ReadRoomSummary
    rooms: RoomsForWriting
    setOutsideMembership: SetOutsideMembership
    sendEvent: SendEvent
    sendMessage: SendEvent
    sendState: SendState
    redactEvent: RedactEvent
    createRoom: CreateRoom
    acceptPdu: AcceptPdu
    importRoom: ImportRoom
    insertHistory: InsertHistory
  }

export async function makeRoomOperations(needs: RoomNeeds): Promise<RoomOperations> {
  const { db, signer, remote, memberProfile, defaultRoomVersion } = needs
  const rooms = await makeRooms(db, signer.serverName)
  const buildStep = makeBuildStep({
    ...rooms,
    outboxWrites: needs.outboxWrites,
    interestedIn: needs.appservices.interestedIn,
  })
  const sendEvent = makeSendEvent(rooms, buildStep, signer)
  const setOutsideMembership = makeSetOutsideMembership(rooms)
  const members = makeMemberOperations({ rooms, sendEvent, signer, remote, memberProfile, setOutsideMembership })
  const aliases = makeRoomAliases({
    ...{ rooms, sendEvent, signer },
    queryDirectory: remote.queryDirectory,
    askForAlias: needs.appservices.askForAlias,
  })
  const { inviteUser } = members
  const createRoom = makeCreateRoom({ rooms, buildStep, signer, defaultRoomVersion, memberProfile, inviteUser })
  const acceptPdu = makeAcceptPdu(rooms, buildStep, signer.now)
  const { serverName, now } = signer
  const hierarchies = makeSpaceHierarchies({ rooms, serverName, now, querySpace: remote.querySpace })
  const { queryRoomSummary } = hierarchies
  return together({
    hierarchies,
    members,
    aliases,
    upgrades: makeUpgradeRoom({ rooms, createRoom, sendEvent, acceptPdu, signer }),
    directory: makePublicRooms(rooms, signer.now, needs.anyoneMayPublish),
    own: {
      rooms,
      setOutsideMembership,
      readRoomSummary: makeReadRoomSummary({ rooms, serverName, queryRoomSummary, resolveAlias: aliases.resolveAlias }),
      sendEvent,
      sendMessage: makeSendMessage({ db, rooms, sendEvent }),
      createRoom,
      sendState: makeSendState({
        rooms,
        sendEvent,
        serverName: signer.serverName,
        resolveAlias: aliases.resolveAlias,
        inviteUser,
      }),
      redactEvent: makeRedactEvent(rooms, sendEvent),
      acceptPdu,
      importRoom: makeImportRoom(rooms, buildStep, signer.serverName),
      insertHistory: makeInsertHistory(rooms, signer.now),
    },
  })
}
