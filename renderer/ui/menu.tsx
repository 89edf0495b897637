/**
 * Menus that drop from a button. Not modal: the modal kind locks scrolling with a style element,
 * which the page's CSP refuses.
 */
import { Check } from 'lucide-react'
import { DropdownMenu } from 'radix-ui'
import type { ReactElement, ReactNode } from 'react'
import styles from './menu.module.css'
import { usePopupFrame } from './popup-frame.js'

type MenuProps = {
  trigger: ReactElement
  children: ReactNode
  side?: 'top' | 'bottom' | 'left' | 'right'
  align?: 'start' | 'center' | 'end'
  onOpenChange?: (isOpen: boolean) => void
}

export function Menu({ trigger, children, side = 'bottom', align = 'end', onOpenChange }: MenuProps) {
  const frame = usePopupFrame()
  return (
    <DropdownMenu.Root modal={false} {...(onOpenChange ? { onOpenChange } : {})}>
      <DropdownMenu.Trigger asChild>{trigger}</DropdownMenu.Trigger>
      <DropdownMenu.Portal container={frame}>
        <DropdownMenu.Content className={styles.menu} side={side} align={align} sideOffset={4} collisionPadding={8}>
          {children}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  )
}

type ItemProps = {
  icon?: ReactNode
  children: ReactNode
  onSelect: () => void
  isDanger?: boolean
  isDisabled?: boolean
  /** Shows a check mark; for one of several choices. */
  isChecked?: boolean
}

export const MenuItem = ({ icon, children, onSelect, isDanger, isDisabled = false, isChecked }: ItemProps) => (
  <DropdownMenu.Item
    className={`${styles.item} ${isDanger ? styles.danger : ''}`}
    disabled={isDisabled}
    onSelect={onSelect}
  >
    {icon}
    {children}
    {isChecked && <Check size={16} aria-hidden className={styles.check} />}
  </DropdownMenu.Item>
)

export const MenuLabel = ({ children }: { children: ReactNode }) => (
  <DropdownMenu.Label className={styles.label}>{children}</DropdownMenu.Label>
)
export const MenuSeparator = () => <DropdownMenu.Separator className={styles.separator} />
