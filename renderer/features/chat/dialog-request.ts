/** Lets other parts of the window open a dialog of the chat, which takes it as soon as it is on the screen. */
import { useEffect } from 'react'
import { navigate, roomPath } from '../../app/route.js'
import { makeStore, useStore } from '../../live/store.js'
import type { ChatDialog } from './dialogs/dialogs.js'

const request = makeStore<ChatDialog | undefined>(undefined)

/** @param roomId the room to be seen behind it */
export function openChatDialog(dialog: ChatDialog, roomId: string | undefined): void {
  navigate(roomId ? roomPath(roomId) : '/')
  request.set(dialog)
}

export function useDialogRequest(take: (dialog: ChatDialog) => void): void {
  const wanted = useStore(request)
  useEffect(() => {
    if (!wanted) return
    request.set(undefined)
    take(wanted)
  }, [wanted, take])
}
