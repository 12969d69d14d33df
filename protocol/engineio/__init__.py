"""Engine.IO 4, without input or output: packets, the session of either side as a state machine, the flood guard.

All folders but `protocol.websocket` may import it. It imports `protocol.websocket`. Pure: time is an argument.
"""
