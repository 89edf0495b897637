/** The hearth: an arch with a flame. The only illustration there is. */
export const HearthMark = ({ size = 24 }: { size?: number }) => (
  <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
    <path
      d="M4 28V13L16 4l12 9v15"
      fill="none"
      stroke="currentColor"
      strokeWidth="2.5"
      strokeLinejoin="round"
      strokeLinecap="round"
    />
    <path
      d="M16 28.500c-3.400 0-5.500-2.100-5.500-5 0-2.600 1.900-4 3.200-5.800.8 1.300 1.100 2.100 1.100 3.300 1.300-1.300 2.200-3.300 2.200-5.500 2.900 2.100 4.500 5.100 4.500 8 0 2.900-2.100 5-5.500 5z"
      fill="var(--accent)"
    />
  </svg>
)
