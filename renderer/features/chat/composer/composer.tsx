/**
 * The composer: text with markdown, files with a caption, completions, edits and replies.
 *
 * Enter sends and Shift+Enter makes a line (on touch screens Enter makes a line). Drafts persist per
 * room; an edit has a text of its own and leaves the draft alone.
 */
import { Paperclip, SendHorizontal, X } from 'lucide-react'
import {
  type ChangeEvent,
  type ClipboardEvent,
  type KeyboardEvent,
  useEffect,
  useId,
  useMemo,
  useRef,
  useState,
} from 'react'
import type { RoomSummaryRow } from '../../../../server/api/live/rows.js'
import { usePreferences } from '../../../app/preferences.js'
import { useServices } from '../../../app/services.js'
import { t } from '../../../i18n/index.js'
import type { RoomData } from '../../../live/live-data.js'
import { useStore } from '../../../live/store.js'
import { IconButton } from '../../../ui/button.js'
import type { ChatDialog } from '../dialogs/dialogs.js'
import { previewOf, stripReplyFallback } from '../message-preview.js'
import type { Names } from '../names.js'
import type { ComposerTask } from '../room-view.js'
import { findTrigger, type Suggestion, suggest, type Trigger } from './completion.js'
import { CompletionPopup } from './completion-popup.js'
import styles from './composer.module.css'
import { type Draft, readDraft, storeDraft } from './drafts.js'
import { FileTray } from './file-tray.js'
import { type Mention, mentionsIn } from './markdown.js'
import { sendDraft } from './send-draft.js'
import { useAttachments } from './use-attachments.js'
import { useTypingNotice } from './use-typing-notice.js'

type ComposerProps = {
  room: RoomSummaryRow
  data: RoomData
  names: Names
  task: ComposerTask | undefined
  onTask: (task: ComposerTask | undefined) => void
  /** Files dropped on the room; taken over here. */
  dropped: File[]
  onDroppedTaken: () => void
  onEditLast: () => void
  onDialog: (dialog: ChatDialog) => void
}

const noDraft: Draft = { text: '', mentions: [] }
const isTouch = () => window.matchMedia('(pointer: coarse)').matches

export function Composer(props: ComposerProps) {
  const { room, data, names, task, onTask, dropped, onDroppedTaken, onEditLast, onDialog } = props
  const services = useServices()
  const { sendTyping } = usePreferences()
  const input = useRef<HTMLTextAreaElement>(null)
  const popupId = useId()
  const [draft, setDraft] = useState<Draft>(() => readDraft(services.storage, room.room_id))
  const [problem, setProblem] = useState<string>()
  const [trigger, setTrigger] = useState<Trigger>()
  const [chosen, setChosen] = useState(0)
  const files = useAttachments(services.matrix, setProblem)
  const noteTyping = useTypingNotice(services, room.room_id, sendTyping)
  const isEdit = task?.kind === 'edit'
  const suggestions = useSuggestions(trigger, data)

  useEffect(() => {
    if (dropped.length === 0) return
    files.add(dropped)
    onDroppedTaken()
  }, [dropped, files.add, onDroppedTaken])

  // An edit brings its own text; leaving it brings the draft back.
  useEffect(() => {
    setProblem(undefined)
    if (task?.kind === 'edit') {
      const text = stripReplyFallback(String(task.item.content.body ?? ''))
      setDraft({ text, mentions: mentionsIn(task.item.content, text) })
    } else setDraft(readDraft(services.storage, room.room_id))
    if (task) input.current?.focus()
  }, [task, room.room_id, services.storage])

  const change = (next: Draft) => {
    setDraft(next)
    if (!isEdit) storeDraft(services.storage, room.room_id, withReplyOf(next, task))
    noteTyping(next.text.length > 0 && !next.text.startsWith('/'))
  }
  const onChange = (event: ChangeEvent<HTMLTextAreaElement>) => {
    change({ ...draft, text: event.target.value })
    setTrigger(findTrigger(event.target.value, event.target.selectionStart))
    setChosen(0)
  }

  const take = (suggestion: Suggestion) => {
    if (!trigger) return
    const text = draft.text.slice(0, trigger.start) + suggestion.insert + draft.text.slice(trigger.end)
    const mentions: Mention[] =
      suggestion.kind === 'user'
        ? [...draft.mentions, { text: suggestion.insert.trim(), userId: suggestion.userId }]
        : draft.mentions
    change({ text, mentions })
    setTrigger(undefined)
    const cursor = trigger.start + suggestion.insert.length
    requestAnimationFrame(() => input.current?.setSelectionRange(cursor, cursor))
  }

  const stopTask = () => {
    onTask(undefined)
    if (task?.kind === 'reply')
      storeDraft(services.storage, room.room_id, { text: draft.text, mentions: draft.mentions })
  }

  const send = () => {
    const refusal = sendDraft({ services, room, draft, task, files: files.list, onDialog })
    setProblem(refusal)
    if (refusal) return
    files.clear()
    noteTyping(false)
    setTrigger(undefined)
    if (!isEdit) storeDraft(services.storage, room.room_id, noDraft)
    setDraft(isEdit ? readDraft(services.storage, room.room_id) : noDraft)
    onTask(undefined)
  }

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return // an input method is choosing characters
    if (suggestions.length > 0 && steerPopup(event)) return
    if (event.key === 'Enter' && !event.shiftKey && !isTouch()) {
      event.preventDefault()
      send()
    } else if (event.key === 'Escape' && task) {
      event.preventDefault()
      stopTask()
    } else if (event.key === 'ArrowUp' && draft.text === '' && !task && files.list.length === 0) {
      event.preventDefault()
      onEditLast()
    }
  }

  /** @returns whether the popup took the key */
  function steerPopup(event: KeyboardEvent): boolean {
    const last = suggestions.length - 1
    if (event.key === 'ArrowDown') setChosen(chosen >= last ? 0 : chosen + 1)
    else if (event.key === 'ArrowUp') setChosen(chosen <= 0 ? last : chosen - 1)
    else if (event.key === 'Tab' || (event.key === 'Enter' && !event.shiftKey)) take(suggestions[chosen]!)
    else if (event.key === 'Escape') setTrigger(undefined)
    else return false
    event.preventDefault()
    return true
  }

  const onPaste = (event: ClipboardEvent) => {
    const pasted = [...event.clipboardData.files]
    if (pasted.length === 0) return
    event.preventDefault()
    files.add(pasted)
  }

  if (!room.can.send) return <p className={styles.closed}>{t('composer.noPermission')}</p>
  const canSend = draft.text.trim() !== '' || files.list.length > 0
  return (
    <form
      className={styles.composer}
      onSubmit={(event) => {
        event.preventDefault()
        send()
      }}
    >
      {suggestions.length > 0 && (
        <CompletionPopup id={popupId} suggestions={suggestions} chosen={chosen} onChoose={setChosen} onTake={take} />
      )}
      {task && <TaskLine task={task} names={names} data={data} onStop={stopTask} />}
      {problem && (
        <p className={styles.note} role="alert">
          {problem}
        </p>
      )}
      {files.list.length > 0 && <FileTray files={files.list} onRemove={files.remove} />}
      <div className={styles.row}>
        {!isEdit && <AttachButton onFiles={files.add} />}
        <textarea
          ref={input}
          className={styles.input}
          rows={1}
          dir="auto"
          value={draft.text}
          placeholder={t('composer.placeholder', { room: room.name })}
          aria-label={t('composer.label', { room: room.name })}
          maxLength={30_000}
          aria-haspopup="listbox"
          aria-autocomplete="list"
          aria-controls={suggestions.length > 0 ? popupId : undefined}
          aria-activedescendant={suggestions.length > 0 ? `${popupId}-${chosen}` : undefined}
          enterKeyHint={isTouch() ? 'enter' : 'send'}
          onChange={onChange}
          onKeyDown={onKeyDown}
          onPaste={onPaste}
          onBlur={() => setTrigger(undefined)}
          // biome-ignore lint/a11y/noAutofocus: writing is what an opened room is for
          autoFocus={!isTouch()}
        />
        <IconButton label={t('composer.send')} type="submit" side="top" disabled={!canSend} className={styles.send}>
          <SendHorizontal size={18} aria-hidden />
        </IconButton>
      </div>
    </form>
  )
}

const withReplyOf = (draft: Draft, task: ComposerTask | undefined): Draft =>
  task?.kind === 'reply' ? { ...draft, replyTo: task.eventId } : { text: draft.text, mentions: draft.mentions }

function useSuggestions(trigger: Trigger | undefined, data: RoomData): Suggestion[] {
  const { live, session } = useServices()
  const { members } = useStore(data.members.store)
  const needsAll = trigger?.sigil === '@'
  useEffect(() => {
    if (needsAll) void data.members.readAll().catch(() => undefined)
  }, [needsAll, data])
  return useMemo(() => {
    if (!trigger) return []
    const recent = data.timeline.store
      .get()
      .timeline.rows.slice(-60)
      .reverse()
      .map((row) => row.sender)
    return suggest(trigger, {
      members: members.values(),
      rooms: live.summaries.get().rooms?.values() ?? [],
      userId: session.userId,
      recent: [...new Set(recent)],
    })
  }, [trigger, members, live, session, data])
}

function AttachButton({ onFiles }: { onFiles: (files: File[]) => void }) {
  const picker = useRef<HTMLInputElement>(null)
  return (
    <>
      <IconButton label={t('composer.attach')} side="top" onClick={() => picker.current?.click()}>
        <Paperclip size={18} aria-hidden />
      </IconButton>
      <input
        ref={picker}
        type="file"
        multiple
        hidden
        onChange={(event) => {
          onFiles([...(event.target.files ?? [])])
          event.target.value = ''
        }}
      />
    </>
  )
}

type TaskLineProps = { task: ComposerTask; names: Names; data: RoomData; onStop: () => void }

function TaskLine({ task, names, data, onStop }: TaskLineProps) {
  const eventId = task.kind === 'reply' ? task.eventId : undefined
  const row = useStore(data.timeline.store, ({ timeline }) =>
    eventId ? timeline.rows.find((each) => each.event_id === eventId) : undefined,
  )
  const sender = task.kind === 'reply' ? (row?.sender ?? task.sender) : ''
  const preview = row ? previewOf(row.event_type, (row.event.content ?? {}) as Record<string, unknown>) : ''
  return (
    <div className={styles.task}>
      <p>
        {task.kind === 'edit' ? (
          <b>{t('composer.editing')}</b>
        ) : (
          <>
            <b>{t('composer.replying', { name: sender ? names.nameOf(sender) : '…' })}</b> {preview}
          </>
        )}
      </p>
      <IconButton label={t(task.kind === 'edit' ? 'composer.cancelEdit' : 'composer.cancelReply')} onClick={onStop}>
        <X size={16} aria-hidden />
      </IconButton>
    </div>
  )
}
