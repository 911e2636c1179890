import org.mlrelease.Settings

/** Publishes what there is of the report, and keeps records and message for the gate. For a stage's `post { always }`. */
void call(Map options = [:]) {
    Settings settings = new Settings(options)
    dir(settings.folder()) {
        // The rows stay here: `release/data` is neither shown nor sent to where the keys are.
        archiveArtifacts(artifacts: 'release/**', excludes: 'release/data/**', allowEmptyArchive: true)
        junit(testResults: 'release/report/junit.xml', allowEmptyResults: true)
        stash(name: 'ml-release-records', includes: 'release/**', excludes: 'release/data/**', allowEmpty: true)
        env.ML_RELEASE_MESSAGE = fileExists('release/report/gate.txt') ? readFile('release/report/gate.txt').trim() : ''
    }
    env.ML_RELEASE_COMMIT = env.ML_RELEASE_COMMIT ?: env.GIT_COMMIT ?: ''
}
