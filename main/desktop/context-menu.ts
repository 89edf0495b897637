/** The menu under the right mouse button: spelling suggestions, editing, links. */
import { app, clipboard, Menu, type MenuItemConstructorOptions } from 'electron'
import { judgeLink } from '../policy.js'

export function offerContextMenu(): void {
  app.on('web-contents-created', (_event, contents) => {
    contents.on('context-menu', (_menuEvent, params) => {
      const { editFlags, dictionarySuggestions, misspelledWord, linkURL } = params
      const items: MenuItemConstructorOptions[] = [
        ...dictionarySuggestions.slice(0, 5).map((word) => ({
          label: word,
          click: () => contents.replaceMisspelling(word),
        })),
        ...(misspelledWord
          ? [
              {
                label: 'Add to Dictionary',
                click: () => void contents.session.addWordToSpellCheckerDictionary(misspelledWord),
              },
            ]
          : []),
        ...(params.isEditable ? [{ role: 'cut', enabled: editFlags.canCut } as const] : []),
        ...(params.isEditable || params.selectionText ? [{ role: 'copy', enabled: editFlags.canCopy } as const] : []),
        ...(params.isEditable ? [{ role: 'paste', enabled: editFlags.canPaste } as const] : []),
        ...(judgeLink(linkURL).open === 'never'
          ? []
          : [{ label: 'Copy Link', click: () => clipboard.writeText(linkURL) }]),
      ]
      if (items.length > 0) Menu.buildFromTemplate(items).popup()
    })
  })
}
