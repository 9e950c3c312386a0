"""What is said of a deposit later: corrected, invalidated, supplemented, handed on, held, released,
notarised, verified.

routes      what is asked, checked
statement   makes the event's statement
eventing    walks it as a deposit is walked
attesting   signs it where another gateway of the platform was asked
answers     what became of it, in words
history     what became of the deposit; `marks` is what that shows wherever the deposit is
erasing     what opens a deposit is deleted; `certificate` says so
restricting what may not be erased yet is opened to nobody but courts, and erased when it may be

problems, schemas   every refusal; shapes of requests and answers
"""
