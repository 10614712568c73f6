# What every page has, logging in, and what is said when something is not done.

ways = Pages
way-next = Next call
way-mine = My calls
way-cases = Cases
way-decisions = Decisions
way-teaching = Teaching material
way-check = Check
skip-to-content = Skip to the content
list-ways = More of this list
list-first = From the beginning
list-next = Next
to-start = To the start
log-in = Log in
log-out = Log out
log-in-hint = No account yet, or the password forgotten? The administrator makes one, and sets passwords.
log-in-wrong = The name or the password is wrong. Try again.
user-name = Name
password = Password

own-password = Your password
own-password-rule = It has { $chars } characters or more. A few words that nobody would put together are easy to keep in mind.
password-now = The password that you have now
password-new = The new one
password-again = The new one once more
password-change = Change the password
password-differs = The new password was not typed the same twice. Try again.
password-wrong = The password that you have now is another one. Try again.

refused-log-in = Log in first
refused-log-in-why = You are not logged in, or were logged out: after a time without a click, at the end of the day, or because your password or your role was changed.
refused-not-for-you = This page is not for you
refused-not-for-you-why = It is for somebody who is { $roles }. The administrator gives roles.
refused-no-such-page = There is nothing here
refused-no-such-page-why = The address is wrong, or what was here is deleted, or it is not yours to see.
refused-old-page = This page was open too long
refused-old-page-why = Nothing was done. Go back, load the page again, and do it once more.
refused-incomplete = Something is missing
refused-incomplete-why = Nothing was done. Go back and choose what is missing.
refused-too-long = A text is too long
refused-too-long-why = Nothing was done. Go back and shorten it to { $chars } characters.
refused-too-many = Too many tries
refused-too-many-why = Try again in { $seconds ->
    [one] a second
   *[other] { $seconds } seconds
}. If you have forgotten your password, the administrator sets a new one.
refused-not-listening = Say first that you listen
refused-not-listening-why = Each time somebody listens is noted. Go back to the recording and press the button.
refused-not-done = That can't be done now
refused-too-late = It is being deleted
refused-too-late-why = Its time is over, or its deletion was decided: nothing can hold it back any more.
refused-catalog = The records can't be reached
refused-unreadable = The recording can't be read
refused-unreadable-why = Tell the administrator: `retrocall check` says what is wrong with its file.
refused-busy = Too much is going on
refused-busy-why = Try again in a moment.
refused-no-engine = The recorder is not running
refused-no-engine-why = Nothing was done. Tell the administrator: `retrocall run` starts it, and its log says why it stopped.
