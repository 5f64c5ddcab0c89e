"""How an alarm reaches people: channels behind one port."""
