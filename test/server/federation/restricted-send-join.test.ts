/** send_join into a restricted room: what make_join found is looked at again, as it may have ceased to hold. */
import { describe, expect, test } from 'vitest'
import { toPduEvent } from '../../../server/events/event-id.js'
import type { JsonObject, UnsignedPdu } from '../../../server/events/pdu.js'
import { roomVersionRules } from '../../../server/events/room-versions.js'
import { hashAndSignPdu } from '../../../server/events/signatures.js'
import { startFederation } from '../../support/federation.js'
import type { FederationServer } from '../../support/federation-server.js'
import { startPuppet } from '../../support/puppet-server.js'

describe('a join that this server is to vouch for', () => {
  test.each([
    ['is signed while its user is in the other room', false, 200],
    ['is refused once its user was removed from there, though make_join was before that', true, 403],
  ])('%s', async (_, isRemoved, expected) => {
    await using federated = await startFederation(1)
    const [a] = federated.servers as [FederationServer]
    await using peer = await startPuppet('peer.test', federated.ca, federated.ports)
    const [alice, zoe] = [a.user('alice'), peer.user('zoe')]
    const club = await a.ops.createRoom({ creator: alice, preset: 'public_chat' })
    await peer.join(a.name, club, zoe)
    const allow = [{ type: 'm.room_membership', room_id: club }]
    const initialState = [{ type: 'm.room.join_rules', content: { join_rule: 'restricted', allow } }]
    const roomId = await a.ops.createRoom({ creator: alice, preset: 'private_chat', initialState })
    const path = `${encodeURIComponent(roomId)}/${encodeURIComponent(zoe)}`
    const versions = ['10', '11', '12'].map((version) => `ver=${version}`).join('&')
    const made = await peer.ask(a.name, 'GET', `/_matrix/federation/v1/make_join/${path}?${versions}`)
    expect((made.body.event as JsonObject).content).toMatchObject({ join_authorised_via_users_server: alice })

    if (isRemoved) await a.ops.kickUser({ roomId: club, sender: alice, target: zoe })
    const rules = roomVersionRules(String(made.body.room_version))!
    const pdu = hashAndSignPdu(made.body.event as UnsignedPdu, rules, peer.name, peer.key)
    const { eventId } = toPduEvent(pdu, rules)
    const uri = `/_matrix/federation/v2/send_join/${encodeURIComponent(roomId)}/${encodeURIComponent(eventId)}`
    const { status, body } = await peer.ask(a.name, 'PUT', uri, { ...pdu })

    expect(status).toBe(expected)
    expect(await a.membershipOf(roomId, zoe)).toBe(isRemoved ? undefined : 'join')
    if (isRemoved) return
    // A rule that names no room lets nobody in, here or by way of another server.
    const nowhere = [{ type: 'm.room.join_rules', content: { join_rule: 'knock_restricted' } }]
    const closed = await a.ops.createRoom({ creator: alice, preset: 'private_chat', initialState: nowhere })
    const asked = `/_matrix/federation/v1/make_join/${encodeURIComponent(closed)}/${encodeURIComponent(zoe)}?${versions}`
    expect(await peer.ask(a.name, 'GET', asked)).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } })
    expect((body.event as { signatures: object }).signatures).toHaveProperty(a.name)
  })
})
