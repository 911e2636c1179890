import org.mlrelease.Settings

/**
 * Puts an earlier release back, on an agent with keys; for a stage that holds the lock.
 *
 * @param to number of the release; empty: the last good one
 * @param reason kept in the ledger
 */
void call(Map options, String to, String reason) {
    Settings settings = new Settings(options)
    milestone(ordinal: 30)
    mlReleaseTrusted('deploy', options, '') {
        mlReleaseStage('rollback', options, ['ML_RELEASE_TO=' + (to ?: '').trim(), 'ML_RELEASE_REASON=' + (reason ?: '').trim()])
        dir(settings.folder()) {
            archiveArtifacts(artifacts: 'release/*/release.json,release/*/head.json', allowEmptyArchive: true)
        }
    }
}
