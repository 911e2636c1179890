import org.mlrelease.Settings

/**
 * Tells the approvers, waits for one of them without an executor, and returns what they said.
 *
 * What `input` gives back is a claim: nothing (nobody was logged in), a bare name (an old client sent no form), or a map.
 * `ml-release approve` asks Jenkins who it was, and refuses what is missing.
 */
Map call(Map options) {
    Settings settings = new Settings(options)
    settings.checkApprovers()
    String where = "${env.BUILD_URL}input/"
    tell(settings, where)
    def given = null
    timeout(time: settings.timeoutHours, unit: 'HOURS') {
        given = input(
            id: settings.input,
            message: message(),
            ok: 'Answer',
            submitter: settings.approvers,
            submitterParameter: 'approver',
            parameters: questions(settings),
        )
    }
    return given instanceof Map ? given : [approver: given ?: '']
}

private String message() {
    String report = "${env.BUILD_URL}artifact/release/report/jenkins.html"
    return [env.ML_RELEASE_MESSAGE ?: "Release candidate of ${env.JOB_NAME} ${env.BUILD_NUMBER}", "Report: ${report}"].join('\n')
}

private void tell(Settings settings, String where) {
    String text = "${message()}\nAnswer, within ${settings.timeoutHours} hours: ${where}"
    echo(text)
    // That nobody could be told is no reason to stop; that somebody stopped the build is.
    catchError(message: 'the approvers were not told', buildResult: 'SUCCESS', stageResult: 'UNSTABLE', catchInterruptions: false) {
        if (settings.mail) {
            mail(to: settings.mail, subject: "ml-release: ${env.JOB_NAME} ${env.BUILD_NUMBER} waits for an answer", body: text)
        }
        if (settings.notify != null) {
            settings.notify.call(text)
        }
    }
}

private List questions(Settings settings) {
    List all = [
        choice(name: 'decision', choices: ['approve', 'reject'], description: 'about exactly the candidate with this digest'),
        string(name: 'reason', defaultValue: '', trim: true, description: 'why; kept in the approval'),
        string(name: 'accept', defaultValue: '', trim: true, description: 'inconclusive findings that you accept, separated by ;'),
    ]
    if (settings.waivers) {
        all += [
            string(name: 'waive', defaultValue: '', trim: true, description: 'findings that you waive, separated by ;'),
            string(name: 'owner', defaultValue: '', trim: true, description: 'who sees to what is waived'),
            string(name: 'until', defaultValue: '', trim: true, description: 'last day of the waiver, as 2027-01-31'),
            string(name: 'waive_reason', defaultValue: '', trim: true, description: 'why it may be waived, if not the reason above'),
            text(name: 'condition', defaultValue: '', description: 'what you expect of those who release it, a line each'),
        ]
    }
    return all
}
