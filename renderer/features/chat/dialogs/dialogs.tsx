/** The chat's dialogs, loaded when the first one opens. */
import '../../../i18n/late.js'
import type { RoomMemberRow, RoomSummaryRow } from '../../../../server/api/live/rows.js'
import type { MessageItem } from '../timeline/timeline-items.js'
import { AddToSpaceDialog } from './add-to-space.js'
import { CreateRoomDialog } from './create-room.js'
import { DirectChatDialog } from './direct-chat.js'
import { InviteDialog } from './invite.js'
import { JoinRoomDialog } from './join-room.js'
import { LeaveDialog } from './leave.js'
import { ModerateDialog } from './moderate.js'
import { RedactDialog } from './redact.js'
import { RoomSettingsDialog, type SettingsPart } from './room-settings/room-settings.js'
import { VersionsDialog } from './versions.js'

export type ChatDialog =
  /** A room, in a space where one is named, or a space. */
  | { kind: 'create'; makes?: 'room' | 'space'; space?: RoomSummaryRow }
  | { kind: 'addToSpace'; space: RoomSummaryRow }
  | { kind: 'direct' }
  | { kind: 'join' }
  | { kind: 'invite'; room: RoomSummaryRow }
  | { kind: 'leave'; room: RoomSummaryRow }
  | { kind: 'settings'; room: RoomSummaryRow; part?: SettingsPart }
  | { kind: 'redact'; roomId: string; eventId: string }
  | { kind: 'moderate'; action: 'kick' | 'ban'; member: RoomMemberRow; name: string }
  | { kind: 'versions'; item: MessageItem }

export default function Dialogs({ dialog, onClose }: { dialog: ChatDialog; onClose: () => void }) {
  switch (dialog.kind) {
    case 'create':
      return <CreateRoomDialog kind={dialog.makes ?? 'room'} space={dialog.space} onClose={onClose} />
    case 'addToSpace':
      return <AddToSpaceDialog space={dialog.space} onClose={onClose} />
    case 'direct':
      return <DirectChatDialog onClose={onClose} />
    case 'join':
      return <JoinRoomDialog onClose={onClose} />
    case 'invite':
      return <InviteDialog room={dialog.room} onClose={onClose} />
    case 'leave':
      return <LeaveDialog room={dialog.room} onClose={onClose} />
    case 'settings':
      return <RoomSettingsDialog room={dialog.room} part={dialog.part} onClose={onClose} />
    case 'redact':
      return <RedactDialog roomId={dialog.roomId} eventId={dialog.eventId} onClose={onClose} />
    case 'moderate':
      return <ModerateDialog action={dialog.action} member={dialog.member} name={dialog.name} onClose={onClose} />
    case 'versions':
      return <VersionsDialog item={dialog.item} onClose={onClose} />
  }
}
