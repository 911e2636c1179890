import groovy.transform.Field
import org.mlrelease.Settings

// One command each, in single quotes: values reach it as environment variables, never as part of a script.
// After `=` a value may begin with a dash.
@Field
final Map<String, String> COMMANDS = [
    rollback: '''exec ml-release "$ML_RELEASE_STAGE" --config "$ML_RELEASE_CONFIG" \\
        ${ML_RELEASE_ENVIRONMENT:+--environment="$ML_RELEASE_ENVIRONMENT"} \\
        ${ML_RELEASE_TO:+--to="$ML_RELEASE_TO"} --reason="${ML_RELEASE_REASON:-}"''',
    other: '''exec ml-release "$ML_RELEASE_STAGE" --config "$ML_RELEASE_CONFIG" \\
        ${ML_RELEASE_ENVIRONMENT:+--environment="$ML_RELEASE_ENVIRONMENT"}''',
]

@Field
final Map<Integer, String> MEANING = [
    1: 'a bug of ml-release',
    2: 'bad input',
    3: 'refused',
    4: 'a service did not answer',
    10: 'verdict fail',
    11: 'verdict inconclusive',
    12: 'no approval yet',
    13: 'rejected by a person',
]

/** Runs one stage of ml-release, and lets its exit code colour the stage. Returns the code where the build goes on. */
int call(String stage, Map options = [:], List<String> words = [], String about = '') {
    Settings settings = new Settings(options)
    int code = 1
    withEnv(settings.variables() + words + ['ML_RELEASE_STAGE=' + stage]) {
        code = sh(label: 'ml-release ' + stage, returnStatus: true, script: COMMANDS[stage] ?: COMMANDS.other)
    }
    // Jenkins tells nobody outside how a command ended; `ml-release trigger` reads this line.
    echo "[ml-release] ${stage} ended with exit code ${code}"
    conclude(stage, code, about)
    return code
}

private void conclude(String stage, int code, String about) {
    String sentence = "ml-release ${stage}: ${MEANING[code] ?: 'interrupted, or not there'} (exit ${code})${about ? ': ' + about : ''}"
    if (code == 0) {
        return
    }
    if (code == 10 && stage == 'validate') {
        // The stage is red and the build goes on: a failed validation has a report, too.
        catchError(message: sentence, buildResult: 'FAILURE', stageResult: 'FAILURE', catchInterruptions: false) {
            error(sentence)
        }
    } else if (code == 11) {
        unstable(sentence)
    } else {
        if (code == 12 || code == 13) {
            currentBuild.result = 'ABORTED'
            currentBuild.description = sentence
        }
        error(sentence)
    }
}
