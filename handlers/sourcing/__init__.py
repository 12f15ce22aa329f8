"""The mechanics: events, commands and what carries them, whatever they are about. Pure; knows no kind of aggregate."""
