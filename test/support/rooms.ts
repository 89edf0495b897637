/** Rooms on a real database, without HTTP: one homeserver's writers of room history. */
import type { JsonObject } from '../../server/events/pdu.js'
import { signingKeyFromSeed } from '../../server/events/signatures.js'
import { parseServerName, parseUserId, type RoomId, type UserId } from '../../server/kernel/identifiers.js'
import { makeAcceptPdu } from '../../server/rooms/accept-pdu.js'
import type { Signer } from '../../server/rooms/build-event.js'
import { makeBuildStep } from '../../server/rooms/build-step.js'
import { makeCreateRoom } from '../../server/rooms/create-room.js'
import { makeImportRoom } from '../../server/rooms/import-room.js'
import { makeMemberOperations, type Remote } from '../../server/rooms/member-operations.js'
import { makeSetOutsideMembership } from '../../server/rooms/outside-membership.js'
import { makeRooms } from '../../server/rooms/rooms.js'
import { makeSendEvent } from '../../server/rooms/send-event.js'
import type { Database } from '../../server/store/reader.js'

export const user = (name: string, server = 'hearth.test') => parseUserId(`@${name}:${server}`) as UserId

export function makeSigner(serverName = 'hearth.test', seedByte = 1): Signer {
  const name = parseServerName(serverName)
  if (!name) throw new TypeError(`${serverName} is no server name`)
  return {
    serverName: name,
    key: signingKeyFromSeed(new Uint8Array(32).fill(seedByte), 'ed25519:1'),
    now: () => Date.now(),
  }
}

const unreachable = async () => {
  throw new Error('this test has no other servers')
}
const noRemote: Remote = {
  joinRoom: unreachable,
  knockRoom: unreachable,
  leaveRoom: unreachable,
  inviteUser: unreachable,
}

export type TestRooms = Awaited<ReturnType<typeof makeTestRooms>>

export async function makeTestRooms(db: Database, signer = makeSigner(), maxRoomsInMemory?: number) {
  const rooms = await makeRooms(db, signer.serverName, maxRoomsInMemory)
  const buildStep = makeBuildStep({ ...rooms, outboxWrites: () => [], interestedIn: () => [] })
  const sendEvent = makeSendEvent(rooms, buildStep, signer)
  const memberProfile = async (userId: UserId): Promise<JsonObject> => ({
    displayname: userId.slice(1, userId.indexOf(':')),
  })
  const setOutsideMembership = makeSetOutsideMembership(rooms)
  const members = makeMemberOperations({
    ...{ rooms, sendEvent, signer, memberProfile, setOutsideMembership },
    remote: noRemote,
  })
  const createRoom = makeCreateRoom({
    rooms,
    buildStep,
    signer,
    defaultRoomVersion: '12',
    memberProfile,
    inviteUser: members.inviteUser,
  })
  const acceptPdu = makeAcceptPdu(rooms, buildStep, signer.now)
  const sendText = (roomId: RoomId, sender: UserId, body: string) =>
    sendEvent(roomId, { type: 'm.room.message', sender, content: { msgtype: 'm.text', body } })
  const importRoom = makeImportRoom(rooms, buildStep, signer.serverName)
  return { rooms, importRoom, buildStep, sendEvent, sendText, createRoom, acceptPdu, signer, ...members }
}
