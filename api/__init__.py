"""HTTP, live events and the control-room page over the store and the alarm desk."""
