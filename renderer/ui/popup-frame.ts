/** Where menus and tooltips are put: the page, or the open dialog, outside of which everything is inert. */
import { createContext, useContext } from 'react'

/** null: the page's body. */
export const PopupFrame = createContext<HTMLElement | null>(null)
export const usePopupFrame = () => useContext(PopupFrame)
