import org.mlrelease.Settings

/** The whole pipeline of a release, a rollback and an audit; the only line of a Jenkinsfile. */
void call(Map given = [:]) {
    Settings settings = new Settings(given)
    String action = params.ACTION ?: 'release'
    Map release = [:] + given + (params.ENVIRONMENT ? [environment: params.ENVIRONMENT] : [:])
    // One for all environments: which of them an empty ENVIRONMENT means is release.yml's to say, and nobody has read it.
    String resource = settings.lock ?: "ml-release ${env.JOB_NAME}"
    Map ended = [:]
    if (action != 'release' && action != 'rollback' && action != 'audit') {
        // Every stage would be skipped, and the build green.
        error("ml-release: no ACTION is called ${action}; there are release, rollback, audit")
    }
    if (action == 'release' && settings.gate) {
        settings.checkApprovers()
    }
    if (action == 'rollback') {
        // Past every milestone of a release but the one inside the lock: a newer release must not end a rollback that
        // waits for the lock, and what waits at a gate was measured against the champion that goes.
        milestone(ordinal: 25)
    }
    pipeline {
        agent none
        options {
            disableRestartFromStage()
            // By itself every stage with an agent would check out the authors' code, those with keys too.
            skipDefaultCheckout()
        }
        parameters {
            choice(name: 'ACTION', choices: ['release', 'rollback', 'audit'], description: 'what this build does')
            string(name: 'TO', defaultValue: '', description: 'rollback: number of the release to put back; empty: the last good one')
            string(name: 'REASON', defaultValue: '', description: 'rollback: why; kept in the ledger')
            string(name: 'ENVIRONMENT', defaultValue: '', description: 'environment of release.yml; empty: as the Jenkinsfile says')
        }
        stages {
            stage('candidate') {
                when {
                    beforeAgent true
                    expression { action == 'release' }
                }
                agent {
                    label settings.agent
                }
                stages {
                    stage('prepare') {
                        steps {
                            script {
                                env.ML_RELEASE_COMMIT = checkout(scm).GIT_COMMIT
                            }
                            mlReleaseCandidate('prepare', release)
                        }
                    }
                    stage('train') {
                        steps {
                            mlReleaseCandidate('train', release)
                        }
                    }
                    stage('validate') {
                        steps {
                            mlReleaseCandidate('validate', release)
                        }
                    }
                    stage('report') {
                        steps {
                            mlReleaseCandidate('report', release)
                        }
                    }
                }
                post {
                    always {
                        mlReleaseReport(release)
                    }
                }
            }
            stage('approve') {
                when {
                    expression { action == 'release' && settings.gate && !env.CHANGE_ID && currentBuild.currentResult != 'FAILURE' }
                }
                steps {
                    mlReleaseGate(release)
                }
            }
            stage('deploy') {
                when {
                    beforeOptions true
                    expression { action == 'release' && !env.CHANGE_ID && currentBuild.currentResult != 'FAILURE' }
                }
                options {
                    lock(resource: resource)
                }
                agent {
                    label settings.deployAgent
                }
                steps {
                    script {
                        ended.deploy = mlReleaseDeploy(release)
                    }
                }
            }
            stage('monitor') {
                when {
                    beforeAgent true
                    expression { ended.deploy == 0 }
                }
                agent {
                    label settings.agent
                }
                steps {
                    mlReleaseCheckout(release)
                    mlReleaseCandidate('monitor', release)
                }
            }
            stage('rollback') {
                when {
                    beforeOptions true
                    expression { action == 'rollback' }
                }
                options {
                    lock(resource: resource)
                }
                agent {
                    label settings.deployAgent
                }
                steps {
                    mlReleaseRollback(release, params.TO, params.REASON)
                }
            }
            stage('audit') {
                when {
                    beforeAgent true
                    expression { action == 'audit' }
                }
                agent {
                    label settings.deployAgent
                }
                steps {
                    mlReleaseTrusted('deploy', release, '') {
                        mlReleaseStage('audit', release)
                    }
                }
            }
        }
    }
}
