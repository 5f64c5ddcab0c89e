"""Frames in, observations out: is the corridor blocked, is there smoke or flame, can the camera see at all?"""
